"""A loop's schedule: no drift, no pile-up, and patience with what fails."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esnode.engine.pace import LONGEST_BACKOFF, Pace

EVERY_FIVE = Pace(interval=5.0, origin=100.0)


def test_a_slow_cycle_shifts_no_tick_and_none_is_made_up_for():
    assert EVERY_FIVE.tick_after(100.0) == 105.0
    assert EVERY_FIVE.tick_after(104.9) == 105.0
    assert EVERY_FIVE.tick_after(105.0) == 110.0
    assert EVERY_FIVE.tick_after(123.0) == 125.0


def test_what_fails_again_and_again_is_left_alone_for_longer_and_longer():
    pauses = [EVERY_FIVE.backoff(failures) for failures in range(8)]
    assert pauses == [0, 10, 20, 40, 60, 60, 60, 60]
    assert EVERY_FIVE.next_look(101.0, failures=2) == 121.0
    assert EVERY_FIVE.next_look(101.0, failures=0) == 105.0


def test_an_event_brings_the_next_look_forward_but_never_to_a_tight_loop():
    assert EVERY_FIVE.earliest_look(100.0) == 101.0
    assert Pace(interval=0.5, origin=0.0).earliest_look(100.0) == 100.5


@given(
    interval=st.floats(0.1, 3600), origin=st.floats(0, 1e7), passed=st.floats(0, 1e6), failures=st.integers(0, 10_000)
)
def test_the_next_look_is_ahead_on_the_grid_and_soon(interval, origin, passed, failures):
    pace, now = Pace(interval=interval, origin=origin), origin + passed
    tick = pace.tick_after(now)
    assert now <= tick <= now + interval * 1.001 + 1e-6
    ticks = (tick - origin) / interval
    assert abs(ticks - round(ticks)) < 1e-3
    assert pace.backoff(failures) <= max(LONGEST_BACKOFF, interval)
    assert pace.next_look(now, failures) >= tick
