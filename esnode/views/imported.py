"""How an imported profile is shown: the file itself, or where it was saved."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from esnode.diagnostics import Diagnostic
from esnode.views.jsonlines import emit, emit_diagnostic, emit_version
from esnode.views.text import counted, diagnostic_box, paint_for, write


def show_imported(
    text: str, count: int, warnings: Sequence[Diagnostic], *, saved_to: Path | None, as_json: bool, no_color: bool
) -> None:
    summary = f"{counted(count, 'profile')} made from the hardware as it is."
    if as_json:
        emit_version()
        for warning in warnings:
            emit_diagnostic(warning)
        emit("imported_profile", summary, profile=text, saved_to=str(saved_to) if saved_to else None)
        return
    paint = paint_for(sys.stderr, no_color=no_color)
    for warning in warnings:
        write(diagnostic_box(warning, paint), sys.stderr)
    if saved_to:
        write(f"{summary}\nSaved to: {saved_to}\n\nTo see that it asks for nothing new, run:")
        write(f"    esnode plan -f {saved_to}")
    else:
        sys.stdout.write(text)
