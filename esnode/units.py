"""Units at the edge: watts and megahertz for people, milliwatts for NVML, seconds inside.

Everything in the model is in watts, megahertz, degrees Celsius, percent and seconds. NVML's
milliwatts and millijoules are converted here and nowhere else.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NewType

from esnode.errors import BadValue

Watts = NewType("Watts", float)
Milliwatts = NewType("Milliwatts", int)
Megahertz = NewType("Megahertz", int)
Seconds = NewType("Seconds", float)

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_LONGEST_DURATION = 366 * 86400.0


def watts(milliwatts: int) -> Watts:
    """NVML's integer milliwatts as watts. Exact: a double holds every milliwatt value."""
    return Watts(milliwatts / 1000)


def milliwatts(value: float) -> Milliwatts:
    """Watts as NVML's integer milliwatts, rounded to the nearest."""
    return Milliwatts(round(value * 1000))


def parse_duration(text: str) -> Seconds:
    """Seconds in a text such as `5m`, `90s`, `1h30m` or `500ms`.

    Raises BadValue for anything else, a unit given twice or out of order, and more than a year.
    """
    parts = _DURATION_PART.findall(text) if _DURATION.fullmatch(text) else []
    sizes = [_DURATION_UNITS[unit] for _, unit in parts]
    if not parts or sizes != sorted(set(sizes), reverse=True):
        raise BadValue(f'"{text}" is not a duration', next_step="Write it like 5m, 90s, 1h30m or 500ms.")
    seconds = sum(float(number) * size for (number, _), size in zip(parts, sizes, strict=True))
    if seconds > _LONGEST_DURATION:
        raise BadValue(f'"{text}" is longer than a year', next_step="Write a duration of at most 366d.")
    return Seconds(seconds)


@lru_cache(maxsize=4096)
def format_duration(seconds: float) -> str:
    """Seconds for people: `500ms`, `42s`, `3m12s`, `1h30m`, `2d4h`. Fractions of a second only below ten."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 1:
        return f"{round(seconds * 1000)}ms" if seconds else "0s"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    leading = next((i for i, (count, _) in enumerate(parts) if count), 3)
    return "".join(f"{count}{unit}" for count, unit in parts[leading : leading + 2] if count) or "0s"


def format_number(value: float) -> str:
    """A number for people: no trailing zeros, at most three decimals (`700`, `93.42`, `0.5`)."""
    return f"{value:.3f}".rstrip("0").rstrip(".") if value != int(value) else str(int(value))


def format_moment(seconds: float) -> str:
    """A time since some beginning, to the last part: `0s`, `5m10s`, `1h0m5s`, `2.5s`."""
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    shown = f"{format_number(rest)}s"
    if hours:
        return f"{hours}h" + (f"{minutes}m{shown}" if rest else f"{minutes}m" if minutes else "")
    return (f"{minutes}m" if minutes else "") + (shown if rest or not minutes else "")
