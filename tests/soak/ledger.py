"""Holds the audit log to what was really written: the machine's own record of its setters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esnode import wire
from esnode.model.audit import AuditEntry, AuditResult
from esnode.model.plan import gpu_address
from esnode.model.settings import COMPUTE_MODES, ClockRange
from esnode.simulator.writes import WriteRecord
from esnode.storage.audit import KEPT, audit_path

_REGISTERS: Mapping[str, Callable[[Any], Any]] = {
    "power_limit_mw": lambda value: value / 1000,
    "graphics_lock": lambda value: tuple(value) if value else None,
    "memory_lock": lambda value: tuple(value) if value else None,
    "persistence": bool,
    "compute_mode": lambda value: COMPUTE_MODES[value],
}
_SETTINGS = {
    "power_limit_mw": "power_limit_watts",
    "graphics_lock": "graphics_clock_mhz",
    "memory_lock": "memory_clock_mhz",
    "persistence": "persistence_mode",
    "compute_mode": "compute_mode",
}

Key = tuple[str, str]
"""The address of a GPU, and a setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One entry of the log: the value it was about, and whether it says that this was written."""

    value: Any
    is_sure: bool


def read_log(state_path: Path) -> list[AuditEntry]:
    """Every whole line of every file of an audit log, oldest first."""
    newest = audit_path(state_path)
    paths = [newest.with_name(f"{newest.name}.{number}") for number in range(KEPT, 0, -1)] + [newest]
    lines = [line for path in paths if path.exists() for line in path.read_bytes().split(b"\n")[:-1]]
    return [wire.typed(AuditEntry, wire.parse(line)) for line in lines]


def discrepancies(entries: Sequence[AuditEntry], writes: Iterable[WriteRecord]) -> list[str]:
    """What does not fit, in sentences: an action that is there twice, a write or an entry without the other."""
    counts = Counter(entry.identity for entry in entries)
    wrong = [f"in the audit log {count} times: {identity}" for identity, count in counts.items() if count > 1]
    told, done = _told(entries), _done(writes)
    for key in sorted(told.keys() | done.keys()):
        problem = mismatch(told[key], done[key])
        if problem:
            wrong.append(f"{key[1]} of {key[0]}: {problem}")
    return wrong


def mismatch(told: Sequence[Told], done: Sequence[Any]) -> str:
    """ "" when every write has its entry, in order, and every entry that is sure its write.

    Entries that say that a write failed, or that nobody knows, may have one: a setter that lies answers "success".
    """
    reached = {0}
    for number, value in enumerate(done):
        after = {place + 1 for begin in reached for place in _next_places(told, begin, value)}
        if not after:
            near = told[min(reached) : min(reached) + 3]
            return f"write {number + 1} of {len(done)}, {value}, is not in the audit log; there follows {near}"
        reached = after
    if any(not any(entry.is_sure for entry in told[begin:]) for begin in reached):
        return ""
    left = [entry.value for entry in told[max(reached) :] if entry.is_sure]
    return f"the audit log tells of writes that never were, after {len(done)} that were: {left}"


def _next_places(told: Sequence[Told], begin: int, value: Any) -> Iterable[int]:
    """The entries that a write may be, without leaving out one that is sure."""
    for place in range(begin, len(told)):
        if told[place].value == value:
            yield place
        if told[place].is_sure:
            return


def _told(entries: Iterable[AuditEntry]) -> defaultdict[Key, list[Told]]:
    told: defaultdict[Key, list[Told]] = defaultdict(list)
    for entry in entries:
        if entry.setting in entry.after:
            is_sure = entry.result is AuditResult.APPLIED and not entry.recovered
            told[entry.address, entry.setting].append(Told(value=plain(entry.after[entry.setting]), is_sure=is_sure))
    return told


def _done(writes: Iterable[WriteRecord]) -> defaultdict[Key, list[Any]]:
    done: defaultdict[Key, list[Any]] = defaultdict(list)
    for record in writes:
        for register, value in record.registers.items():
            if register in _SETTINGS:
                done[gpu_address(record.gpu), _SETTINGS[register]].append(_REGISTERS[register](value))
    return done


def plain(value: Any) -> Any:
    """A setting's value, as the registers have it."""
    return (value.min, value.max) if isinstance(value, ClockRange) else value
