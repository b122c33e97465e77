"""What a day in the hall was like, in figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

from tests.benchmarks.hall import STEP, Hall, Log, Moment, Scenario, Steer
from tests.benchmarks.steering import LIMIT, MAX_WATTS, MIN_WATTS, fixed_cap

SETTLED: Final = 1800.0
"""Seconds after which the boards, which were overheated when anybody began, count as settled."""

SHORT: Final = 600.0
"""Seconds; an up and down that repeats faster than that is hunting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """All boards together, and what is `settled` of each only from SETTLED on.

    `above` is seconds in which a thermometer showed more than the limit, `longest` the longest stretch of them on one
    board. `overshoot` is degrees, as they are and not as they are shown. `calls` are setter calls an hour of the mean
    board, `busiest` of the busiest. `work` is megahertz at full use, times seconds.
    """

    above: float
    above_share: float
    settled_share: float
    settled_longest: float
    overshoot: float
    settled_overshoot: float
    settled_calls: float
    settled_busiest: float
    short_cycles: int
    work: float
    kilowatt_hours: float


def spend(scenario: Scenario, steer: Steer) -> Day:
    hall = Hall(scenario)
    steer(hall)
    assert hall.is_over, f"the day ended at {hall.seconds} s"
    return measure(hall)


def measure(hall: Hall) -> Day:
    logs = list(hall.logs.values())
    whole = [log.moments for log in logs]
    settled = [[moment for moment in moments if moment.at > SETTLED] for moments in whole]
    hours = (hall.scenario.seconds - SETTLED) / 3600
    calls = [sum(at > SETTLED for at, _ in log.calls) / hours for log in logs]
    return Day(
        above=STEP * sum(map(sum, map(_is_above, whole))),
        above_share=_share(whole),
        settled_share=_share(settled),
        settled_longest=STEP * max(map(_longest, map(_is_above, settled))),
        overshoot=_overshoot(whole),
        settled_overshoot=_overshoot(settled),
        settled_calls=sum(calls) / len(calls),
        settled_busiest=max(calls),
        short_cycles=sum(map(_short_cycles, logs)),
        work=STEP * sum(moment.work for moments in whole for moment in moments),
        kilowatt_hours=sum(log.joules for log in logs) / 3.6e6,
    )


def _is_above(moments: Sequence[Moment]) -> list[bool]:
    return [moment.shown > LIMIT for moment in moments]


def _share(boards: Sequence[Sequence[Moment]]) -> float:
    return sum(map(sum, map(_is_above, boards))) / sum(map(len, boards))


def _longest(truths: Sequence[bool]) -> int:
    return max((len(list(run)) for is_true, run in groupby(truths) if is_true), default=0)


def _overshoot(boards: Sequence[Sequence[Moment]]) -> float:
    return max(0.0, max(moment.celsius for moments in boards for moment in moments) - LIMIT)


def _short_cycles(log: Log) -> int:
    """How often a limit turned downwards again within SHORT of having done so before."""
    watts = [(0.0, MAX_WATTS), *log.calls]
    downs = [(at, high > low) for (_, high), (at, low) in pairwise(watts)]
    turns = [at for (_, was_down), (at, is_down) in pairwise([(0.0, False), *downs]) if is_down and not was_down]
    return sum(later - earlier < SHORT for earlier, later in pairwise(turns))


def best_cap(is_cool_enough: Callable[[Day], bool], scenario: Scenario) -> tuple[float, Day]:
    """The highest whole number of watts at which a day is cool enough."""
    low, high = MIN_WATTS, MAX_WATTS
    best = spend(scenario, fixed_cap(low))
    assert is_cool_enough(best), f"not even {low} W are: {best}"
    while high - low > 1:
        watts = (low + high) // 2
        day = spend(scenario, fixed_cap(watts))
        low, high, best = (watts, high, day) if is_cool_enough(day) else (low, watts, best)
    return low, best
