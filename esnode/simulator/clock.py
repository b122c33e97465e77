"""The world's clock, which is the clock of everything on a simulated machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from esnode.simulator.registers import Registers

if TYPE_CHECKING:
    from esnode.model.hardware import Moment

_LONGEST_NAP: Final = 0.1


class WorldClock:
    """World time: it runs at the world's speed, and stands still at speed 0."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers

    def now(self) -> Moment:
        from esnode.model.hardware import Moment

        state = self._registers.state()
        now = state.now()
        return Moment(at=datetime.fromtimestamp(now, UTC), uptime=now - state.boot_at, boot_id=f"sim:{state.boot_id}")

    def monotonic(self) -> float:
        return self._registers.state().now()

    def nap(self, seconds: float) -> float:
        """Short, so that a clock that somebody else moves wakes its sleepers. One that stands is moved at once."""
        speed = self._registers.state().speed
        if speed == 0:
            self.advance(max(0.0, seconds))
            return 0.0
        return min(max(0.0, seconds) / speed, _LONGEST_NAP)

    def sleep(self, seconds: float) -> None:
        """Return when so many world seconds have passed. Where the clock stands, it is moved instead."""
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            time.sleep(self.nap(left))

    def advance(self, seconds: float) -> None:
        """Move the clock forward at once, for everybody. Raises ValueError for going back."""
        if seconds < 0:
            raise ValueError("the world's clock cannot go back")
        with self._registers.changing() as state:
            state.set_clock(state.now() + seconds, state.speed)
