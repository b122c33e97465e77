"""When a control loop looks next. Seconds, by a clock that is never set."""

from __future__ import annotations

import math
from typing import Final

from esnode.records import dataclass

LONGEST_BACKOFF: Final = 60.0
"""Seconds between two tries while every one fails, at most; the interval itself where that is longer."""

SHORTEST_CYCLE: Final = 1.0
"""Seconds between two looks, at least, however much the driver has to tell; an interval that is shorter rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Ticks every `interval` seconds from `origin` on: a cycle that takes long shifts none of them.

    A tick that passed while a cycle was still under way is left out, never made up for.
    """

    interval: float
    origin: float

    def tick_after(self, now: float) -> float:
        """The first tick later than `now`."""
        passed = math.floor((now - self.origin) / self.interval + 1e-9)
        return self.origin + (passed + 1) * self.interval

    def next_look(self, now: float, failures: int) -> float:
        """When to look again after a cycle that ended now, the last `failures` of which in a row failed."""
        tick = self.tick_after(now)
        return max(tick, now + self.backoff(failures)) if failures else tick

    def backoff(self, failures: int) -> float:
        """How long to leave alone what failed so many times in a row."""
        if not failures:
            return 0.0
        return min(self.interval * 2.0 ** min(failures, 30), max(LONGEST_BACKOFF, self.interval))

    def earliest_look(self, began: float) -> float:
        """When an event may bring the next look forward to, after a cycle that began then."""
        return began + min(self.interval, SHORTEST_CYCLE)
