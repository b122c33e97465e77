"""Notices that the machine slept, or that its clock was set: what its clocks say of each other between two looks."""

from __future__ import annotations

from typing import Final

from esnode.model.hardware import Moment
from esnode.records import dataclass

JUMP: Final = 2.0
"""Seconds by which clocks must disagree: less than that is a slow look at them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """`slept` is how long the machine was suspended, `was_set` by how much its clock was set. Seconds, mostly 0."""

    slept: float = 0.0
    was_set: float = 0.0


class Clocks:
    """Compares each look with the one before it."""

    def __init__(self) -> None:
        self._last: tuple[Moment, float] | None = None

    def look(self, now: Moment, monotonic: float) -> Jump:
        """`monotonic` does not go on while the machine sleeps; the moment's uptime does, and is never set."""
        before, self._last = self._last, (now, monotonic)
        if before is None or before[0].boot_id != now.boot_id:
            return Jump()
        passed = now.uptime - before[0].uptime
        slept = passed - (monotonic - before[1])
        was_set = (now.at - before[0].at).total_seconds() - passed
        return Jump(slept=slept if slept > JUMP else 0.0, was_set=was_set if abs(was_set) > JUMP else 0.0)
