"""What validate says of profiles that are right. What is wrong with others is an error."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from esnode.diagnostics import Diagnostic
from esnode.model.profile import Profile
from esnode.views.jsonlines import emit, emit_diagnostic, emit_version
from esnode.views.text import counted, diagnostic_box, paint_for, write


def show_valid(profiles: Sequence[Profile], warnings: Sequence[Diagnostic], *, as_json: bool, no_color: bool) -> None:
    if as_json:
        emit_version()
        for warning in warnings:
            emit_diagnostic(warning)
        names = [profile.name for profile in profiles]
        emit("validation", _success(profiles), valid=True, warning_count=len(warnings), profiles=names)
        return
    for warning in warnings:
        write(diagnostic_box(warning, paint_for(sys.stderr, no_color=no_color)), sys.stderr)
    write(paint_for(sys.stdout, no_color=no_color)("Success!", "bold", "green") + " " + _success(profiles))


def _success(profiles: Sequence[Profile]) -> str:
    policies = sum(len(profile.policies) for profile in profiles)
    be = "is" if len(profiles) == 1 else "are"
    return f"{counted(len(profiles), 'profile')} with {counted(policies, 'policy')} {be} valid."
