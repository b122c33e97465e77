"""Clock locks: settings that no driver lets anybody read, judged by the clocks that the GPU shows.

    drifted       a clock above the lock; in P0 below it without a reason for it; another session
    consistent    inside the band, where the unlocked GPU would not be
    unverifiable  everything else

"Success" of a setter means that the request was installed, not that the clock obeys: power and
temperature may bring it below the lock's minimum (open-gpu-kernel-modules #1314). That is no drift.
"""

from __future__ import annotations

from collections.abc import Collection

from esnode.model.hardware import Moment, ObservedGpu
from esnode.model.metrics import THROTTLE_REASONS
from esnode.model.plan import LockJudgement, LockStatus, gpu_address
from esnode.model.readings import Missing, Reading
from esnode.model.settings import GRAPHICS_CLOCK, SETTINGS, ClockRange
from esnode.model.state import ManagedGpu, ManagedSetting, State
from esnode.records import dataclass

SETTLING = 2.0
"""Seconds after a write in which the clocks prove nothing yet."""

MEMORY_TOLERANCE = 2
"""MHz: some boards show their memory clock 1 or 2 under the table's value (T4, H200)."""

_COMMON_STEP = 15
"""MHz between two graphics clocks on most boards, where the table itself cannot be read."""

_NO_LIMITER = ("gpu_idle",)
"""Reasons for the present clocks that keep no clock down which was locked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Band:
    """A lock beside what the GPU shows: the clock, where it rests when idle, its table. MHz."""

    lock: ClockRange
    clock: int
    idle: Reading[int]
    highest: Reading[int]
    above: int
    below: int

    @property
    def is_above(self) -> bool:
        return self.clock > self.lock.max + self.above

    @property
    def is_below(self) -> bool:
        return self.clock < self.lock.min - self.below

    @property
    def excludes_idle(self) -> bool:
        if isinstance(self.idle, Missing):
            return False
        return not self.lock.min - self.below <= self.idle <= self.lock.max + self.above

    @property
    def sits_at_its_cap(self) -> bool:
        """At the lock's maximum, although the GPU could go higher."""
        if isinstance(self.highest, Missing) or self.highest <= self.lock.max + self.above:
            return False
        return self.clock >= self.lock.max - self.below


def judge_locks(
    gpu: ObservedGpu, record: ManagedGpu, now: Moment, *, was_reloaded: bool = False
) -> tuple[LockJudgement, ...]:
    """Every clock lock that esnode manages on this GPU, judged. Nothing is said of a GPU that cannot be read."""
    if not gpu.is_readable:
        return ()
    locks = [(name, row) for name, row in record.settings.items() if isinstance(row.applied, ClockRange)]
    return tuple(
        LockJudgement(
            address=gpu_address(gpu.identity.uuid),
            gpu=gpu.identity,
            setting=name,
            applied=managed.applied,
            status=status,
            reason=reason,
        )
        for name, managed in sorted(locks, key=lambda entry: SETTINGS[entry[0]].order)
        for status, reason in [_judge(name, managed, gpu, now, was_reloaded=was_reloaded)]
    )


def locked_gpus(state: State) -> Collection[str]:
    """The UUIDs of GPUs whose clocks esnode locks: their idle clock is not the board's own."""
    return {
        uuid
        for uuid, record in state.managed.gpus.items()
        if any(isinstance(managed.applied, ClockRange) for managed in record.settings.values())
    }


def _judge(
    name: str, managed: ManagedSetting, gpu: ObservedGpu, now: Moment, *, was_reloaded: bool
) -> tuple[LockStatus, str]:
    if managed.session != gpu.session or was_reloaded:
        return LockStatus.DRIFTED, "The driver was restarted since it was written, so it is presumed lost."
    if now.seconds_since(managed.applied_at) < SETTLING:
        return LockStatus.UNVERIFIABLE, "It was written moments ago; the clocks prove nothing yet."
    band = _band(name, managed.applied, gpu)
    title = "SM clock" if name == GRAPHICS_CLOCK else "memory clock"
    if isinstance(band, Missing):
        return LockStatus.UNVERIFIABLE, f"The {title} could not be read: {band.in_words()}."
    shown = f"The {title} is {band.clock} MHz"
    if band.is_above:
        return LockStatus.DRIFTED, f"{shown}, above the lock's {band.lock.max} MHz."
    limiter = _limiter(gpu)
    if band.is_below:
        return _judge_below(gpu, band, shown, limiter)
    return _judge_inside(gpu, band, shown, limiter)


def _judge_below(gpu: ObservedGpu, band: _Band, shown: str, limiter: Reading[str]) -> tuple[LockStatus, str]:
    below = f"{shown}, below the lock's {band.lock.min} MHz"
    state = gpu.clocks.performance_state
    if isinstance(limiter, Missing) or isinstance(state, Missing):
        return LockStatus.UNVERIFIABLE, f"{below}; what keeps it there could not be read."
    if limiter:
        return LockStatus.UNVERIFIABLE, f"{below}, kept there by {limiter}."
    if state != 0:
        return LockStatus.UNVERIFIABLE, f"{below}; in P{state} that proves nothing."
    return LockStatus.DRIFTED, f"{below}, in P0 and with nothing that keeps it there."


def _judge_inside(gpu: ObservedGpu, band: _Band, shown: str, limiter: Reading[str]) -> tuple[LockStatus, str]:
    utilization = gpu.metric("gpu_utilization")
    if isinstance(utilization, Missing):
        return LockStatus.UNVERIFIABLE, f"{shown}, inside the lock; whether the GPU works could not be read."
    if utilization == 0:
        if band.excludes_idle:
            return LockStatus.CONSISTENT, f"{shown} while idle; without the lock it rests at {band.idle} MHz."
        return LockStatus.UNVERIFIABLE, f"{shown}: an idle GPU without the lock may show the same."
    if band.sits_at_its_cap and limiter == "":
        return LockStatus.CONSISTENT, f"{shown} under load; without the lock it would go up to {band.highest} MHz."
    return LockStatus.UNVERIFIABLE, f"{shown}: a GPU under load without the lock may show the same."


def _band(name: str, lock: object, gpu: ObservedGpu) -> _Band | Missing:
    if not isinstance(lock, ClockRange):
        raise TypeError(f"{name} is applied as {lock!r}, which is no lock")
    is_graphics = name == GRAPHICS_CLOCK
    clock = gpu.metric("gpu_sm_clock_mhz") if is_graphics else gpu.clocks.memory_mhz
    if isinstance(clock, Missing):
        return clock
    table = gpu.limits.graphics_clocks_mhz if is_graphics else gpu.limits.memory_clocks_mhz
    above, below = _tolerances(lock, table) if is_graphics else (MEMORY_TOLERANCE, MEMORY_TOLERANCE)
    return _Band(
        lock=lock,
        clock=int(clock),
        idle=gpu.clocks.idle_sm_mhz if is_graphics else gpu.clocks.idle_memory_mhz,
        highest=table if isinstance(table, Missing) else max(table, default=lock.max),
        above=above,
        below=below,
    )


def _tolerances(lock: ClockRange, table: Reading[tuple[int, ...]]) -> tuple[int, int]:
    """One step of the board's own table above the lock and below it: grids are 15 or 7.5 MHz wide."""
    if isinstance(table, Missing):
        return _COMMON_STEP, _COMMON_STEP
    higher = next((clock for clock in table if clock > lock.max), lock.max + _COMMON_STEP)
    lower = next((clock for clock in reversed(table) if clock < lock.min), lock.min - _COMMON_STEP)
    return higher - lock.max, lock.min - lower


def _limiter(gpu: ObservedGpu) -> Reading[str]:
    """What keeps the clock down, in the driver's own word; "" for nothing. Missing when that cannot be excluded."""
    names = [name for name in THROTTLE_REASONS if name not in _NO_LIMITER]
    readings = {name: gpu.metric(f"throttle_reason_{name}") for name in names}
    active = [name for name, value in readings.items() if not isinstance(value, Missing) and value]
    if active:
        return ", ".join(active)
    return next((value for value in readings.values() if isinstance(value, Missing)), "")
