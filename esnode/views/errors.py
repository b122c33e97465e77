"""Errors for people on standard error, or as JSON lines on standard output."""

from __future__ import annotations

import sys

from esnode.diagnostics import error, warning
from esnode.errors import DocumentInvalid, EsnodeError, PlanDenied
from esnode.units import format_duration
from esnode.views.jsonlines import emit_diagnostic
from esnode.views.text import counted, diagnostic_box, error_box, paint_for, write


def show_error(known: EsnodeError, *, as_json: bool) -> None:
    """Every problem of an error, each with its place if it has one."""
    if as_json:
        problems = known.problems if isinstance(known, DocumentInvalid | PlanDenied) else ()
        detail = " ".join(part for part in (known.detail, known.next_step) if part)
        for problem in problems or (error(known.summary, detail),):
            emit_diagnostic(problem)
        return
    paint = paint_for(sys.stderr)
    if isinstance(known, DocumentInvalid | PlanDenied) and known.problems:
        for problem in known.problems:
            write(diagnostic_box(problem, paint), sys.stderr)
        if len(known.problems) > 1:
            write(f"{counted(len(known.problems), 'error')} in all.", sys.stderr)
        return
    write(error_box(known, paint), sys.stderr)


def show_retry(known: EsnodeError, seconds: float, *, as_json: bool) -> None:
    """What failed and will be tried again."""
    if as_json:
        emit_diagnostic(warning(known.summary, f"Trying again in {format_duration(seconds)}."))
    else:
        write(f"{known.summary}. Trying again in {format_duration(seconds)}.", sys.stderr)
