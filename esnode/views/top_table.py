"""A table that fits: columns that matter less go first, and one may grow into the room that is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esnode.records import dataclass
from esnode.views.spans import Line, Span, fitted, line, width_of

Draw = Callable[[int], Line]
"""A cell, drawn into so many cells of the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`keep` says how long a column is kept when room is scarce, the highest longest. `widest` is how far it may grow,
    `least` how many cells are enough where its content asks for more.

    A cell is a line, or something that draws itself once its width is known; such a column says its `width`.
    """

    title: str
    keep: int
    rows: Sequence[Line | Draw]
    to_right: bool = False
    width: int = 0
    widest: int = 0
    least: int = 0

    @property
    def natural(self) -> int:
        drawn = [width_of(row) for row in self.rows if isinstance(row, tuple)]
        content = max([self.width, *drawn])
        return max(len(self.title), min(content, self.least) if self.least else content)


def table(columns: Sequence[Column], width: int) -> tuple[Line, list[Line]]:
    """The titles and the rows in `width` cells. The last column to be left is cut, whatever its width."""
    kept = sorted((column for column in columns if column.rows), key=lambda column: -column.keep)
    while len(kept) > 1 and _room(kept, width) < 0:
        kept.pop()
    shown = [column for column in columns if column in kept]
    widths, room = {}, _room(kept, width)
    for column in sorted(shown, key=lambda column: column.widest):
        more = min(max(0, column.widest - column.natural), max(0, room))
        widths[column.title] = column.natural + more
        room -= more
    count = max((len(column.rows) for column in shown), default=0)
    titles = [fitted(line(column.title), widths[column.title], to_right=column.to_right) for column in shown]
    rows = [[_drawn(column, index, widths[column.title]) for column in shown] for index in range(count)]
    return _row(titles, width), [_row(row, width) for row in rows]


def _room(columns: Sequence[Column], width: int) -> int:
    return width - sum(column.natural for column in columns) - (len(columns) - 1)


def _drawn(column: Column, index: int, width: int) -> Line:
    row = column.rows[index]
    return fitted(row if isinstance(row, tuple) else row(width), width, to_right=column.to_right)


def _row(parts: Sequence[Line], width: int) -> Line:
    result: Line = ()
    for part in parts:
        result += (Span(" "), *part) if result else part
    return fitted(result, width)
