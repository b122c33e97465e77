"""When a loop is called well, and when ready."""

from esnode.listen.health import why_not_ready, why_unhealthy
from tests.builders import a_status


def test_before_the_first_cycle_it_is_neither():
    reason = "The first cycle of the control loop has not ended yet."
    assert why_unhealthy(None, 0) == why_not_ready(None, 0) == reason


def test_a_loop_is_stuck_when_it_is_silent_for_longer_than_it_may_be():
    assert why_unhealthy(a_status(patience=30.0), 30.0) == ""
    assert why_unhealthy(a_status(patience=30.0), 192.0) == (
        "The control loop is stuck: its last word is 3m12s old, and the next was due within 30s."
    )


def test_three_failures_in_a_row_are_not_well_and_two_are():
    assert why_unhealthy(a_status(consecutive_failures=2, failure="The driver is gone."), 0) == ""
    assert why_unhealthy(a_status(consecutive_failures=3, failure="The driver is gone."), 0) == (
        "The last 3 cycles failed. The driver is gone."
    )


def test_ready_is_well_and_done():
    assert why_not_ready(a_status(is_ready=True), 0) == ""
    assert why_not_ready(a_status(is_ready=False, failure="The lock is held."), 0) == (
        "No cycle has done yet all it was to do. The lock is held."
    )
    assert "stuck" in why_not_ready(a_status(is_ready=True), 1e6)
