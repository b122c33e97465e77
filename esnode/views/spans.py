"""Styled text that knows how many cells of a terminal it takes: lines that are cut and padded to fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from esnode.views.printable import plain_text
from esnode.views.text import Paint


class Span(NamedTuple):
    """Printable text without a line end, and its styles (see Paint)."""

    text: str
    styles: tuple[str, ...] = ()


Line: TypeAlias = tuple[Span, ...]


def line(text: str, *styles: str) -> Line:
    """One span. Control characters are made visible: names come from files and other programs."""
    return (Span(plain_text(text.replace("\n", " ")), styles),) if text else ()


def joined(parts: Iterable[Line], gap: str = " ") -> Line:
    """Lines one after the other, those that are empty left out."""
    result: Line = ()
    for part in filter(None, parts):
        result += (Span(gap), *part) if result and gap else part
    return result


def cells(text: str) -> int:
    """How many cells a terminal draws a text in: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_cell(char) for char in text)


def _cell(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def width_of(shown: Line) -> int:
    return sum(cells(span.text) for span in shown)


def cut(shown: Line, width: int) -> Line:
    """The line in at most so many cells; `…` stands for what is left out."""
    if width_of(shown) <= width:
        return shown
    if width < 1:
        return ()
    result: list[Span] = []
    left = width - 1
    for span in shown:
        text = _head(span.text, left)
        result.append(Span(text, span.styles))
        left -= cells(text)
        if text != span.text:
            return (*result[:-1], Span(text.rstrip() + "…", span.styles))
    return tuple(result)


def _head(text: str, width: int) -> str:
    if text.isascii():
        return text[:width]
    taken = 0
    for place, char in enumerate(text):
        taken += _cell(char)
        if taken > width:
            return text[:place]
    return text


def fitted(shown: Line, width: int, *, to_right: bool = False) -> Line:
    """The line in exactly so many cells."""
    short = cut(shown, width)
    space = width - width_of(short)
    if space <= 0:
        return short
    return (Span(" " * space), *short) if to_right else (*short, Span(" " * space))


def spread(left: Line, right: Line, width: int) -> Line:
    """One line at the left and one at the right edge; the left one gives way."""
    right = cut(right, width)
    room = width - width_of(right) - (1 if right else 0)
    return (*fitted(left, room), Span(" "), *right) if right and room > 0 else cut(left or right, width)


def styled(shown: Line, *styles: str) -> Line:
    """The line with styles under those of its parts."""
    return tuple(Span(span.text, (*styles, *span.styles)) for span in shown)


def text_of(shown: Line) -> str:
    return "".join(span.text for span in shown)


def painted(shown: Line, paint: Paint) -> str:
    """For a stream; what is blank at its end is left out."""
    return "".join(paint(span.text, *span.styles) if span.styles else span.text for span in shown).rstrip()
