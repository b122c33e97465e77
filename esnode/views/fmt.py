"""What fmt did: the names of files that change, differences, and the files it could not read."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Protocol

from esnode.errors import EXIT_ERROR, EXIT_PLAN_REFUSED
from esnode.model.formatting import FormattedFile
from esnode.views.errors import show_error
from esnode.views.jsonlines import emit, emit_version
from esnode.views.printable import plain_text
from esnode.views.text import Paint, counted, paint_for, write

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


class FormattedView(Protocol):
    """Prints results and returns the exit code: 1 when a file could not be formatted, 3 when -check found one to."""

    def __call__(self, results: Sequence[FormattedFile], *, check: bool, diff: bool, list_files: bool) -> int: ...


def formatted_view(*, as_json: bool, no_color: bool) -> FormattedView:
    return _show_json if as_json else partial(_show_text, no_color=no_color)


def _show_text(results: Sequence[FormattedFile], *, check: bool, diff: bool, list_files: bool, no_color: bool) -> int:
    paint = paint_for(sys.stdout, no_color=no_color)
    for result in results:
        if result.failure:
            show_error(result.failure, as_json=False)
        elif result.is_shown:
            sys.stdout.write(result.after.decode())
        elif result.differs:
            if list_files:
                write(plain_text(result.path))
            if diff:
                write("\n".join(_diff(result, paint)))
    failures = [result for result in results if result.failure]
    if failures and len(results) > 1:
        write(f"{counted(len(failures), 'file')} of {len(results)} could not be formatted.", sys.stderr)
    return _exit_code(results, check=check)


def _show_json(results: Sequence[FormattedFile], *, check: bool, diff: bool, list_files: bool) -> int:
    emit_version()
    for result in results:
        if result.failure:
            show_error(result.failure, as_json=True)
            continue
        state = "is formatted" if not result.differs else "differs" if check else "was formatted"
        members: dict[str, Any] = {"path": result.path, "differs": result.differs}
        members |= {"text": result.after.decode()} if result.is_shown else {}
        members |= {"diff": list(_diff(result, Paint()))} if diff and result.differs else {}
        emit("formatted", f"{result.path} {state}", **members)
    differing = sum(result.differs for result in results)
    failed = sum(result.failure is not None for result in results)
    told = f"{counted(len(results), 'file')}, {differing} to format, {failed} not understood."
    emit("fmt_summary", told, level="error" if failed else "info", files=len(results), differ=differing, failed=failed)
    return _exit_code(results, check=check)


def _exit_code(results: Sequence[FormattedFile], *, check: bool) -> int:
    if any(result.failure for result in results):
        return EXIT_ERROR
    return EXIT_PLAN_REFUSED if check and any(result.differs for result in results) else 0


def _diff(result: FormattedFile, paint: Paint) -> Iterator[str]:
    before, after = (text.decode("utf-8-sig").splitlines() for text in (result.before, result.after))
    for line in difflib.unified_diff(before, after, f"old/{result.path}", f"new/{result.path}", lineterm=""):
        style = _STYLES.get(line[:1], "")
        yield paint(plain_text(line), style) if style else plain_text(line)
