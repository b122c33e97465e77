"""Whether a control loop is well, and whether it has done what it was started for, each in a sentence."""

from __future__ import annotations

from typing import Final

from esnode.model.loop_status import LoopStatus
from esnode.units import format_duration

_FAILURES: Final = 3
"""Cycles in a row that fail before the loop is called unhealthy: one alone may be somebody else's trouble."""


def why_unhealthy(status: LoopStatus | None, age: float) -> str:
    """ "" when all is well. `age` is for how many real seconds `status` has been the last one."""
    if status is None:
        return "The first cycle of the control loop has not ended yet."
    if age > status.patience:
        return (
            f"The control loop is stuck: its last word is {format_duration(age)} old, "
            f"and the next was due within {format_duration(status.patience)}."
        )
    if status.consecutive_failures >= _FAILURES:
        return f"The last {status.consecutive_failures} cycles failed. {status.failure}".rstrip()
    return ""


def why_not_ready(status: LoopStatus | None, age: float) -> str:
    """ "" when the loop is well and had a cycle that did all it was to do."""
    unhealthy = why_unhealthy(status, age)
    if unhealthy or status is None or status.is_ready:
        return unhealthy
    return f"No cycle has done yet all it was to do. {status.failure}".rstrip()
