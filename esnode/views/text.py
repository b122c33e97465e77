"""Small things that every text view needs: colour, boxes, words."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping
from typing import TextIO

from esnode.diagnostics import Diagnostic, Level
from esnode.errors import EsnodeError
from esnode.records import dataclass
from esnode.views import progress
from esnode.views.printable import escaped, one_line, plain_text
from esnode.views.source import source_lines

WIDTH = 100

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "reverse": "7"}

_ANY_CODE = f"(?:0|{'|'.join(_CODES.values())})"
_CONTROL = re.compile(f"(\x1b\\[{_ANY_CODE}(?:;{_ANY_CODE})*m)|[\x00-\x09\x0b-\x1f\x7f-\x9f]")
"""A style of ours, kept, or a control character that is no line end, shown by its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """ANSI styles, or nothing at all."""

    enabled: bool = False

    def __call__(self, text: str, *styles: str) -> str:
        if not (self.enabled and text):
            return text
        codes = ";".join(_CODES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"


def paint_for(stream: TextIO, *, no_color: bool = False) -> Paint:
    """Colour only on a terminal, and never against NO_COLOR (https://no-color.org)."""
    is_plain = no_color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Paint(enabled=not is_plain and stream.isatty())


def counted(count: int, word: str) -> str:
    """`1 GPU`, `3 GPUs`, `2 policies`."""
    if count == 1:
        return f"1 {word}"
    return f"{count} {word[:-1]}ies" if word.endswith("y") else f"{count} {word}s"


def indented(text: str, by: int = 4) -> str:
    return textwrap.indent(text, " " * by)


def wrapped(text: str, width: int = WIDTH) -> list[str]:
    return [
        line
        for paragraph in plain_text(text).split("\n")
        for line in (textwrap.wrap(paragraph, width, break_on_hyphens=False, break_long_words=False) or [""])
    ]


def assignments(values: Mapping[str, str]) -> str:
    """`Temp=78C, Power=650W`."""
    return ", ".join(f"{name}={value}" for name, value in values.items())


def diagnostic_box(diagnostic: Diagnostic, paint: Paint) -> str:
    """One diagnostic in Terraform's manner: severity, summary, place, source line, advice."""
    color = "red" if diagnostic.severity is Level.ERROR else "yellow"
    heading = "Error" if diagnostic.severity is Level.ERROR else "Warning"
    lines = [f"{paint(heading + ':', 'bold', color)} {paint(plain_text(diagnostic.summary), 'bold')}"]
    place = diagnostic.range
    if place:
        lines += ["", f"  on {one_line(place.filename)} line {place.line}, column {place.column}:"]
        if place.source:
            shown, before, marks = source_lines(place, WIDTH)
            lines += [f"  {shown}", f"  {before}{paint(marks, color)}"]
    if diagnostic.detail:
        lines += ["", *wrapped(diagnostic.detail)]
    return boxed(lines, paint, color)


def boxed(lines: Iterable[str], paint: Paint, color: str) -> str:
    bar = paint("│", color)
    body = [f"{bar} {line}".rstrip() for entry in lines for line in entry.split("\n")]
    return "\n".join([paint("╷", color), *body, paint("╵", color)])


def error_box(error: EsnodeError, paint: Paint) -> str:
    """An error as people read it: what happened, why, what to do next."""
    lines = [f"{paint(error.heading + ':', 'bold', 'red')} {paint(plain_text(error.summary), 'bold')}"]
    for part in (error.detail, error.next_step):
        if part:
            lines += ["", *wrapped(part)]
    return boxed(lines, paint, "red")


def write(text: str, stream: TextIO | None = None) -> None:
    """Print a block and a line end. The last net: no control character but our own styles gets through."""
    out = stream or sys.stdout
    shown = _CONTROL.sub(lambda match: match[1] or escaped(match[0]), text)
    if out.encoding and out.errors == "strict":
        # What the terminal's encoding does not have, half a file name for instance, is shown by its number.
        shown = shown.encode(out.encoding, "backslashreplace").decode(out.encoding)
    progress.clear()
    out.write(shown + "\n")
    out.flush()
