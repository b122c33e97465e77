"""How a plan is shown: as text or as JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from esnode.model.plan import Plan, count_operations
from esnode.views.jsonlines import emit, emit_diagnostic, emit_version
from esnode.views.plan_text import next_steps, plan_text, summary_line
from esnode.views.printable import one_line
from esnode.views.text import diagnostic_box, paint_for, write


class PlanView(Protocol):
    """What `plan`, `destroy` and `show` print."""

    def begin(self) -> None: ...

    def refreshing(self) -> None: ...

    def show(self, plan: Plan, *, saved_to: Path | None = None) -> None: ...


def plan_view(*, as_json: bool, no_color: bool) -> PlanView:
    return JsonPlanView() if as_json else TextPlanView(no_color=no_color)


class TextPlanView:
    """For people: the plan on standard output, warnings on standard error."""

    def __init__(self, *, no_color: bool) -> None:
        self._paint = paint_for(sys.stdout, no_color=no_color)
        self._error_paint = paint_for(sys.stderr, no_color=no_color)

    def begin(self) -> None:
        """Nothing yet: an error in a profile comes first."""

    def refreshing(self) -> None:
        write("Refreshing state...")

    def show(self, plan: Plan, *, saved_to: Path | None = None) -> None:
        write(plan_text(plan, self._paint))
        for diagnostic in plan.diagnostics:
            write(diagnostic_box(diagnostic, self._error_paint), sys.stderr)
        hint = next_steps(plan, saved_to)
        if hint:
            write("\n" + hint)


class JsonPlanView:
    """For programs: JSON lines, and nothing else on standard output."""

    def begin(self) -> None:
        emit_version()

    def refreshing(self) -> None:
        emit("refresh_start", "Refreshing state...")

    def show(self, plan: Plan, *, saved_to: Path | None = None) -> None:
        for verdict in plan.verdicts:
            emit("verdict", f"{verdict.policy}: {verdict.status}: {verdict.reason}", verdict=verdict)
        for drift in plan.drift:
            emit("resource_drift", f"{drift.address}: drift ({drift.cause})", resource_drift=drift)
        for note in plan.notes:
            emit("note", note)
        for change in plan.changes:
            actions = ", ".join(change.actions)
            emit("planned_change", f"{change.address}: plan to {actions}", change=change)
        for diagnostic in plan.diagnostics:
            emit_diagnostic(diagnostic)
        added, changed, destroyed, forgotten = count_operations(plan.changes)
        counts = {"add": added, "change": changed, "remove": destroyed, "forget": forgotten, "operation": "plan"}
        emit(
            "change_summary",
            summary_line(plan),
            changes=counts,
            complete=plan.complete,
            applyable=plan.can_apply,
            saved_to=str(saved_to) if saved_to else None,
        )


def show_written(files: Sequence[Path]) -> None:
    """Where reports were written."""
    for file in files:
        write(f"Wrote {one_line(str(file))}.")
