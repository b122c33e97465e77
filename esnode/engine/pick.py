"""Which process of a GPU kill_process ends: the one that uses the most of what the policy is about, or none.

Where it cannot be told who uses the most, nobody is picked: ending the second largest because the largest cannot be
seen would be an injustice that mends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from esnode.engine.protected import why_never
from esnode.model.processes import GpuProcess, HostProcess
from esnode.model.readings import Missing, Reading
from esnode.records import dataclass

MEMORY_TARGETS: Final = frozenset({"memory_allocated_percent", "memory_utilization"})
"""Targets for which the most is the most memory; for all others it is the most work (SM utilization)."""

_GIB: Final = 2**30
_MIB: Final = 2**20
_NAMED: Final = 3
"""So many processes are named in one sentence; the rest are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """`process`, whose `host` is known then, or None. `why` is a sentence about it, without subject and full stop,
    when there is one ("uses 61.2 GiB of memory, the most of 3 processes on the GPU"), else on why there is none."""

    process: GpuProcess | None
    why: str

    @property
    def host(self) -> HostProcess | None:
        return self.process.host if self.process and isinstance(self.process.host, HostProcess) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measure:
    """What is compared. `says` is the amount in words, after the name of a process; `note` on why it is compared."""

    of: Callable[[GpuProcess], Reading[float]]
    says: Callable[[float], str]
    unused: str
    note: str = ""


def pick(processes: tuple[GpuProcess, ...], target: str, *, protect: Sequence[str]) -> Picked:
    """The process to end for a policy on `target`; `protect` are the node's patterns beside PROTECTED.

    Never PID 1, esnode or what it runs in, kernel threads, protected names, or a process that the host does not
    show. Equal use is decided by the other resource, then by the latest start (the least work lost).
    """
    if not processes:
        return _nobody("no process has the GPU open")
    never = {number: _never(process, protect) for number, process in enumerate(processes)}
    candidates = [process for number, process in enumerate(processes) if not never[number]]
    if not candidates:
        return _nobody(_all_protected(processes, never))
    measure = _measure(candidates, target)
    unknown = [process for process in candidates if isinstance(measure.of(process), Missing)]
    if unknown:
        return _nobody(_unmeasured(unknown[0], measure))
    most = max(candidates, key=lambda process: _rank(process, measure))
    if not _amount(most, measure):
        return _nobody(f"{measure.unused}{measure.note}")
    if isinstance(most.host, Missing):
        return _nobody(_invisible(most, most.host, measure))
    return Picked(process=most, why=_why(most, measure, processes, never))


# -- comparing -----------------------------------------------------------------------------------


def _measure(candidates: list[GpuProcess], target: str) -> _Measure:
    if target in MEMORY_TARGETS:
        return _MEMORY
    shares = [process.sm_utilization for process in candidates]
    absent = [share for share in shares if isinstance(share, Missing)]
    if len(absent) < len(shares):
        return _WORK
    note = f" (by memory, because their SM utilization is not known: {absent[0].in_words()})"
    return _Measure(of=_MEMORY.of, says=_MEMORY.says, unused=_MEMORY.unused, note=note)


def _rank(process: GpuProcess, measure: _Measure) -> tuple[float, bool, float, float, int]:
    """Among equals the identified goes first: it uses as much as the one that cannot be seen."""
    host = process.host
    other = _MEMORY.of(process) if measure is _WORK else process.sm_utilization
    return (
        _amount(process, measure),
        isinstance(host, HostProcess),
        -1.0 if isinstance(other, Missing) else other,
        host.started if isinstance(host, HostProcess) else 0.0,
        process.pid,
    )


def _amount(process: GpuProcess, measure: _Measure) -> float:
    amount = measure.of(process)
    return 0.0 if isinstance(amount, Missing) else amount


def _size(amount: float) -> str:
    return f"uses {amount / _GIB:.1f} GiB of memory" if amount >= _GIB else f"uses {amount / _MIB:.0f} MiB of memory"


_MEMORY: Final = _Measure(
    of=lambda process: process.memory_bytes,
    says=_size,
    unused="no process that may be ended uses any memory of the GPU",
)
_WORK: Final = _Measure(
    of=lambda process: process.sm_utilization,
    says=lambda amount: f"used {amount:.0f}% of the SMs in the last seconds",
    unused="no process that may be ended used the SMs in the last seconds",
)


# -- in words ------------------------------------------------------------------------------------


def _nobody(why: str) -> Picked:
    return Picked(process=None, why=why)


def _never(process: GpuProcess, protect: Sequence[str]) -> str:
    if isinstance(process.host, Missing):
        return "is PID 1" if process.pid == 1 else ""
    return why_never(process.host, protect)


def _why(most: GpuProcess, measure: _Measure, processes: tuple[GpuProcess, ...], never: Mapping[int, str]) -> str:
    count = len(processes)
    rank = "the only process on the GPU" if count == 1 else f"the most of {count} processes on the GPU"
    larger = [
        number
        for number, process in enumerate(processes)
        if never[number] and _amount(process, measure) > _amount(most, measure)
    ]
    if larger:
        rank = f"the most of {count} processes on the GPU that may be ended: {_listed(processes, never, larger)}"
    return f"{measure.says(_amount(most, measure))}, {rank}{measure.note}"


def _all_protected(processes: tuple[GpuProcess, ...], never: Mapping[int, str]) -> str:
    names = _listed(processes, never, list(never))
    if len(processes) == 1:
        return f"the only process on the GPU is never ended: {names}"
    return f"all {len(processes)} processes on the GPU are protected: {names}"


def _listed(processes: tuple[GpuProcess, ...], never: Mapping[int, str], numbers: list[int]) -> str:
    named = [f"{_name(processes[number])} {never[number]}" for number in numbers[:_NAMED]]
    more = len(numbers) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def _unmeasured(process: GpuProcess, measure: _Measure) -> str:
    amount = measure.of(process)
    reason = amount.in_words() if isinstance(amount, Missing) else ""
    what = "did of late" if measure is _WORK else "uses"
    return f"it is not known how much {_name(process)} {what}, so not who uses the most: {reason}{measure.note}"


def _invisible(process: GpuProcess, host: Missing, measure: _Measure) -> str:
    return (
        f"PID {process.pid} {measure.says(_amount(process, measure))}, the most on the GPU, and is not visible here: "
        f"{host.detail or host.in_words()}. Run esnode with the host's PID namespace (hostPID: true), or plan again "
        "if the process has ended"
    )


def _name(process: GpuProcess) -> str:
    return f"{process.host.name} (PID {process.pid})" if isinstance(process.host, HostProcess) else f"PID {process.pid}"
