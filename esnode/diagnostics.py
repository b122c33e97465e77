"""Errors and warnings with their place in a file."""

from __future__ import annotations

from enum import StrEnum

from esnode.records import dataclass


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A place in a file. Lines and columns count from 1; `end_column` is the one after the last character."""

    filename: str
    line: int
    column: int
    end_column: int
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """`summary` is one sentence without a full stop; `detail` says what to do about it."""

    severity: Level
    summary: str
    detail: str = ""
    range: Range | None = None


def warning(summary: str, detail: str = "", *, range: Range | None = None) -> Diagnostic:
    return Diagnostic(severity=Level.WARNING, summary=summary, detail=detail, range=range)


def error(summary: str, detail: str = "", *, range: Range | None = None) -> Diagnostic:
    return Diagnostic(severity=Level.ERROR, summary=summary, detail=detail, range=range)
