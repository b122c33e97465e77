"""The small grammars inside a profile: conditions, percentages, durations. Text in, values out, or BadValue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from esnode.errors import BadValue
from esnode.model.metrics import Metric
from esnode.model.profile import Condition, Operator
from esnode.model.settings import SETTINGS, ClockRange, Kind, Percent, WantedValue
from esnode.units import Seconds, format_number, parse_duration

_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
CONDITION_PATTERN = rf"^\s*(>=|<=|==|!=|>|<|=)\s*({_NUMBER})\s*([^\s0-9.+-]\S*)?\s*$"
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"
PERCENT_PATTERN = r"^\s*([0-9]+(\.[0-9]+)?)\s*%\s*$"

HIGHEST_PERCENT = 200.0
_LARGEST_LIMIT = 1e15

_OPERATORS: Mapping[str, Operator] = {"=": Operator.EQUAL, **{op.value: op for op in Operator}}
_MISSPELLED = {"=>": ">=", "=<": "<=", "<>": "!=", "≥": ">=", "≤": "<=", "≠": "!=", "=!": "!="}


def parse_condition(text: str, metric: Metric) -> Condition:
    """`OP NUMBER [UNIT]` for a target. The condition's unit is the target's own spelling, or empty.

    Raises BadValue for another grammar, a unit that is not the target's, and a percentage over 100.
    """
    match = re.fullmatch(CONDITION_PATTERN, text, re.ASCII)
    if not match:
        raise BadValue(f'"{_short(text)}" is not a condition', next_step=_condition_help(text))
    op, number, unit = match.groups(default="")
    if unit and not metric.accepts_unit(unit):
        raise _wrong_unit(metric, op, number, unit)
    limit = float(number)
    if limit > metric.highest:
        highest = f"{format_number(metric.highest)}{metric.unit}"
        raise BadValue(
            f'{metric.name} never exceeds {highest}, found "{text.strip()}"',
            next_step=f"Write a limit of at most {highest}.",
        )
    if abs(limit) >= _LARGEST_LIMIT:
        raise BadValue(f"{_short(number)} is too large for a limit", next_step=f"Write a limit in {metric.unit}.")
    return Condition(op=_OPERATORS[op], limit=limit, unit=metric.unit if unit else "")


def _condition_help(text: str) -> str:
    """What is wrong with a text that is not a condition, and how to write it."""
    stripped = text.strip()
    for wrong, right in _MISSPELLED.items():
        if stripped.startswith(wrong):
            return f'The operator is written "{right}".'
    if re.match(rf"{_NUMBER}", stripped):
        return f'Begin it with an operator (> >= < <= == !=), for example "> {stripped}".'
    if re.search(r"[0-9],[0-9]", stripped):
        return "Write the decimal point as a point."
    return 'Write an operator (> >= < <= == !=), a number and, if you like, its unit: "> 82" or "< 5%".'


def _wrong_unit(metric: Metric, op: str, number: str, unit: str) -> BadValue:
    if not metric.unit:
        return BadValue(f'{metric.name} has no unit, found "{unit}"', next_step=f'Write "{op} {number}".')
    return BadValue(
        f'{metric.name} is measured in {metric.unit}, not in "{unit}"',
        next_step=f'Write "{op} {number}{metric.unit}" or just "{op} {number}".',
    )


def parse_percent(text: str) -> Percent:
    """`"80%"` of the board's default. Raises BadValue for another text and for a share outside 0 to 200."""
    match = re.fullmatch(PERCENT_PATTERN, text, re.ASCII)
    if not match:
        bare = re.fullmatch(rf"\s*({_NUMBER})\s*(?:[wW]|[wW]atts?)?\s*", text, re.ASCII)
        step = f"Write {bare.group(1)}, without quotes and unit." if bare else 'Write 300 or "80%".'
        raise BadValue(
            f'power_limit_watts must be a number of watts or a percentage, found text "{_short(text)}"', next_step=step
        )
    share = float(match.group(1))
    if not 0 < share <= HIGHEST_PERCENT:
        raise BadValue(
            f'"{_short(text.strip())}" is not a share of the default power limit',
            next_step=f"Write a percentage above 0% and up to {format_number(HIGHEST_PERCENT)}%.",
        )
    return Percent(percent=share)


def wanted_value(setting: str, document: Any) -> WantedValue:
    """A value of the `settings` block that the grammar has accepted, as the model has it."""
    match document:
        case int() | float() if SETTINGS[setting].kind is Kind.CLOCK_RANGE:
            return ClockRange(min=int(document), max=int(document))
        case bool():
            return document
        case str():
            return parse_percent(document) if document.strip().endswith("%") else document
        case {"min": low, "max": high}:
            return ClockRange(min=int(low), max=int(high))
        case _:
            return float(document)


def seconds(document: str | None) -> Seconds | None:
    """An optional duration in seconds."""
    return None if document is None else parse_duration(document)


def _short(text: str, longest: int = 40) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
