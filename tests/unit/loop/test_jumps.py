"""A machine that slept, and a clock that somebody set."""

from __future__ import annotations

from datetime import timedelta

from esnode.loop.jumps import Clocks, Jump
from esnode.records import replace
from tests.builders import a_moment


def looks(*pairs):
    clocks = Clocks()
    return [clocks.look(moment, monotonic) for moment, monotonic in pairs][-1]


def test_time_that_just_passes_is_no_jump():
    assert looks((a_moment(0), 50.0), (a_moment(5), 55.3)) == Jump()


def test_a_machine_that_slept_has_more_uptime_than_its_monotonic_clock_went_on():
    assert looks((a_moment(0), 50.0), (a_moment(3605), 55.0)) == Jump(slept=3600.0)


def test_a_clock_that_was_set_moves_against_the_uptime():
    forward = replace(a_moment(5), at=a_moment(605).at)
    back = replace(a_moment(5), at=a_moment(5).at - timedelta(hours=1))
    assert looks((a_moment(0), 50.0), (forward, 55.0)) == Jump(was_set=600.0)
    assert looks((a_moment(0), 50.0), (back, 55.0)) == Jump(was_set=-3600.0)


def test_another_boot_is_another_life():
    assert looks((a_moment(9000), 50.0), (a_moment(5, boot_id="boot-2"), 55.0)) == Jump()
