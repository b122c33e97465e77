"""What validate says of files that are right, and of values on boards. What is wrong otherwise is an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from esnode.diagnostics import Diagnostic
from esnode.errors import EXIT_ERROR, DocumentInvalid
from esnode.model.board_judgement import BoardJudgement
from esnode.model.profile import Profile
from esnode.views.jsonlines import emit, emit_diagnostic, emit_version
from esnode.views.text import counted, diagnostic_box, paint_for, write


def show_valid(
    profiles: Sequence[Profile],
    warnings: Sequence[Diagnostic],
    judged: Sequence[BoardJudgement] = (),
    *,
    others: Sequence[str] = (),
    as_json: bool,
    no_color: bool,
) -> int:
    """Print the outcome. Returns the exit code: 1 when a value does not work on a board."""
    unfit = sum(judgement.errors for judgement in judged)
    diagnostics = [*warnings, *(problem for judgement in judged for problem in judgement.problems)]
    if as_json:
        emit_version()
        for problem in diagnostics:
            emit_diagnostic(problem)
        for judgement in judged:
            emit("board", _board_line(judgement), level="error" if judgement.errors else "info", judgement=judgement)
        noted = len(diagnostics) - unfit
        names = [profile.name for profile in profiles]
        message = _success(profiles, others) if not unfit else _failure(judged)
        emit(
            "validation",
            message,
            valid=not unfit,
            error_count=unfit,
            warning_count=noted,
            profiles=names,
            others=others,
        )
        return EXIT_ERROR if unfit else 0
    for problem in diagnostics:
        write(diagnostic_box(problem, paint_for(sys.stderr, no_color=no_color)), sys.stderr)
    paint = paint_for(sys.stdout, no_color=no_color)
    for judgement in judged:
        write(_board_line(judgement))
    if unfit:
        write(paint("Failed!", "bold", "red") + " " + _failure(judged))
        return EXIT_ERROR
    write(paint("Success!", "bold", "green") + " " + _success(profiles, others))
    return 0


def show_invalid(invalid: DocumentInvalid) -> int:
    """The problems as JSON lines, and their sum."""
    emit_version()
    for problem in invalid.problems:
        emit_diagnostic(problem)
    count = len(invalid.problems)
    emit("validation", f"{counted(count, 'error')} in all.", level="error", valid=False, error_count=count)
    return EXIT_ERROR


def _board_line(judgement: BoardJudgement) -> str:
    about = f'{judgement.board}: profile "{judgement.profile}"'
    if judgement.other:
        return f"{about} is not for this board: {judgement.other}."
    if judgement.errors:
        return f"{about} does not fit: {counted(judgement.errors, 'error')}."
    notes = len(judgement.problems)
    said = f", with {counted(notes, 'note')}" if notes else ""
    assumed = f" (where {', '.join(judgement.assumed)} matches)" if judgement.assumed else ""
    return f"{about} fits{said}{assumed}."


def _failure(judged: Sequence[BoardJudgement]) -> str:
    bad = {judgement.board for judgement in judged if judgement.errors}
    return f"There are values that do not work on {', '.join(sorted(bad))}."


def _success(profiles: Sequence[Profile], others: Sequence[str]) -> str:
    what = list(_counts(profiles, others))
    be = "is" if len(profiles) + len(others) == 1 else "are"
    return f"{' and '.join(what)} {be} valid."


def _counts(profiles: Sequence[Profile], others: Sequence[str]) -> Iterator[str]:
    if profiles or not others:
        policies = sum(len(profile.policies) for profile in profiles)
        yield f"{counted(len(profiles), 'profile')} with {counted(policies, 'policy')}"
    if others:
        yield counted(len(others), "other file")
