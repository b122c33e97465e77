"""What fmt did: the names of files that change, differences, and the files it could not read."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Sequence

from esnode.errors import EXIT_ERROR, EXIT_PLAN_REFUSED
from esnode.model.formatting import FormattedFile
from esnode.views.errors import show_error
from esnode.views.printable import plain_text
from esnode.views.text import Paint, counted, paint_for, write

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def show_formatted(
    results: Sequence[FormattedFile], *, check: bool, diff: bool, list_files: bool, no_color: bool
) -> int:
    """Print results. Returns the exit code: 1 when a file could not be formatted, 3 when -check found one to format."""
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
    if failures:
        return EXIT_ERROR
    return EXIT_PLAN_REFUSED if check and any(result.differs for result in results) else 0


def _diff(result: FormattedFile, paint: Paint) -> Iterator[str]:
    before, after = (text.decode("utf-8-sig").splitlines() for text in (result.before, result.after))
    for line in difflib.unified_diff(before, after, f"old/{result.path}", f"new/{result.path}", lineterm=""):
        style = _STYLES.get(line[:1], "")
        yield paint(plain_text(line), style) if style else plain_text(line)
