"""How the difference of two plans is shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Protocol

from esnode.views.jsonlines import emit, emit_version
from esnode.views.printable import printable
from esnode.views.text import Paint, counted, paint_for, write

_SYMBOLS = {"new": ("+", "green"), "old": ("-", "red"), "both": ("~", "yellow")}


class Different(Protocol):
    """One difference: see `esnode.engine.compare.Difference`."""

    @property
    def subject(self) -> str: ...

    @property
    def path(self) -> tuple[str, ...]: ...

    @property
    def side(self) -> str: ...

    @property
    def old(self) -> Any: ...

    @property
    def new(self) -> Any: ...


def show_differences(differences: Sequence[Different], *, as_json: bool, no_color: bool) -> None:
    if as_json:
        emit_version()
        emit_differences(differences)
        emit("diff_summary", _summary(differences), differences=len(differences))
        return
    write(differences_text(differences, paint_for(sys.stdout, no_color=no_color)))


def emit_differences(differences: Sequence[Different]) -> None:
    """A JSON line for each."""
    for item in differences:
        members = {"subject": item.subject, "path": item.path, "side": item.side, "old": item.old, "new": item.new}
        emit("difference", _line(item), **members)


def differences_text(differences: Sequence[Different], paint: Paint) -> str:
    differences = printable(tuple(differences))
    blocks = []
    for subject, items in groupby(differences, key=lambda item: item.subject):
        lines = [paint(f"# {subject}", "bold")]
        for item in items:
            symbol, color = (
                ("+", "green") if item.old is None else ("-", "red") if item.new is None else ("~", "yellow")
            )
            lines.append(f"  {paint(symbol, color)} {_line(item)}")
        blocks.append("\n".join(lines))
    return "\n\n".join([*blocks, paint(_summary(differences), "bold")])


def _line(item: Different) -> str:
    where = ".".join(item.path) or "the whole change"
    if item.side == "new":
        return f"{where} = {_value(item.new)} (only in the new plan)"
    if item.side == "old":
        return f"{where} = {_value(item.old)} (only in the old plan)"
    return f"{where} = {_value(item.old)} -> {_value(item.new)}"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _summary(differences: Sequence[Different]) -> str:
    if not differences:
        return "No differences. Both plans do the same."
    subjects = {item.subject for item in differences}
    return f"The plans differ in {counted(len(differences), 'place')} of {counted(len(subjects), 'resource')}."
