"""A line of a file with its fault underlined, however long the line and wide its characters are."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

from esnode.diagnostics import Range
from esnode.views.printable import one_line

_LEAD = 24
"""Columns of a long line that are kept before its fault."""


def source_lines(place: Range, width: int) -> tuple[str, str, str]:
    """The numbered line, what stands below it before the marks, and the marks.

    A line that is longer than `width` columns is shown around its fault.
    """
    number = f"{place.line:>4}: "
    start = min(place.column - 1, len(place.source))
    end = max(place.end_column - 1, start)
    before, fault, after = (
        one_line(part) for part in (place.source[:start], place.source[start:end], place.source[end:])
    )
    room = width - len(number)
    if columns(before + fault + after) > room:
        before = before if columns(before) <= _LEAD else "..." + _last(before, _LEAD - 3)
        fault = _first(fault, room - columns(before))
        after = _first(after, room - columns(before + fault))
    marks = "^" * max(1, columns(fault))
    return f"{number}{before}{fault}{after}".rstrip(), " " * (len(number) + columns(before)), marks


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    return 0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1


def _first(text: str, room: int) -> str:
    """As much of the beginning as fits, with three dots where something is missing."""
    if columns(text) <= room:
        return text
    kept, used = "", 0
    for char in text:
        used += _width(char)
        if used > room - 3:
            break
        kept += char
    return kept + "..."


def _last(text: str, room: int) -> str:
    kept, used = "", 0
    for char in reversed(text):
        used += _width(char)
        if used > room:
            break
        kept = char + kept
    return kept
