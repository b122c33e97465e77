"""What stands between a plan and its way on: how it differs from the approved one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from esnode.views.diff import Different, differences_text, emit_differences
from esnode.views.jsonlines import emit
from esnode.views.text import paint_for, write


def show_against(
    differences: Sequence[Different], approved: Path, *, is_same: bool, as_json: bool, no_color: bool
) -> None:
    """Whether a plan decides what the approved one did, after the plan itself was shown; else what differs."""
    verdict = f"This plan decides what {approved} did." if is_same else f"This plan does not decide what {approved} did"
    if as_json:
        emit_differences(differences)
        emit("against", verdict, approved=str(approved), same=is_same, differences=len(differences))
        return
    if is_same:
        write(f"\n{verdict}")
        return
    paint = paint_for(sys.stdout, no_color=no_color)
    write(f"\n{verdict}; the old plan is the approved one:\n\n{differences_text(differences, paint)}")


def show_signed(path: Path, key_id: str, *, as_json: bool) -> None:
    """Where the signature of a plan is, and of which key."""
    message = f"Signed with the key {key_id}: {path}"
    if as_json:
        emit("signed", message, key_id=key_id, signature=str(path))
        return
    write(f"\n{message}")
