"""Readings made of readings, whatever they were read from."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from esnode.model.metrics import metric
from esnode.model.readings import Missing, MissingReason, Reading

T = TypeVar("T")


def derive(make: Callable[..., T], *readings: Reading[Any]) -> Reading[T]:
    """`make` of the values; when one is missing, so is the result, for the first such reason."""
    for reading in readings:
        if isinstance(reading, Missing):
            return reading
    return make(*readings)


def percent_of(part: Reading[float], whole: Reading[float]) -> Reading[float]:
    """`part` in percent of `whole`. Of nothing there is no share: missing, never 0."""
    share: Reading[Reading[float]] = derive(_percent, part, whole)
    return share


def _percent(part: float, whole: float) -> Reading[float]:
    if whole <= 0:
        return Missing(missing=MissingReason.UNSUPPORTED, detail="the driver reports a whole of 0")
    return part / whole * 100


@lru_cache(maxsize=256)
def missing_for_now(name: str) -> Missing | None:
    """Why neither driver nor capture tells the metric, or None when they do. KeyError for an unknown name."""
    row = metric(name)
    why = row.loop_only or row.outside
    return Missing(missing=MissingReason.NOT_READ, detail=why) if why else None
