"""How an apply is shown: each step as it happens, and a tally that always ends it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Protocol

from esnode.diagnostics import Diagnostic
from esnode.model.plan import Change, Operation, Plan, ResourceType
from esnode.model.report import ApplyReport, Result, StepOutcome
from esnode.model.settings import SETTINGS
from esnode.units import format_duration
from esnode.views.jsonlines import emit, emit_diagnostic, emit_version
from esnode.views.plan_text import changes_text
from esnode.views.resources_text import show_value
from esnode.views.text import diagnostic_box, paint_for, write


class ApplyView(Protocol):
    def warn(self, diagnostic: Diagnostic) -> None: ...

    def begin(self) -> None: ...

    def executing(self, plan: Plan) -> None: ...

    def nothing_to_do(self, plan: Plan) -> None: ...

    def started(self, change: Change, setting: str) -> None: ...

    def told(self, sentence: str) -> None:
        """News of a change that takes long."""

    def finished(self, change: Change, outcome: StepOutcome) -> None: ...

    def state_errored(self, path: Path | None, text: bytes) -> None:
        """The state could not be saved: it is in `path` or, where nothing could be written, only in `text`."""

    def stopped_at_once(self) -> None: ...

    def end(self, report: ApplyReport) -> None: ...


def apply_view(*, as_json: bool, no_color: bool) -> ApplyView:
    return JsonApplyView() if as_json else TextApplyView(no_color=no_color)


class TextApplyView:
    """For people: the diff being executed, a line for each step, the tally."""

    def __init__(self, *, no_color: bool) -> None:
        self._paint = paint_for(sys.stdout, no_color=no_color)
        self._error_paint = paint_for(sys.stderr, no_color=no_color)

    def warn(self, diagnostic: Diagnostic) -> None:
        write(diagnostic_box(diagnostic, self._error_paint), sys.stderr)

    def begin(self) -> None:
        """Nothing yet: a refusal comes first."""

    def executing(self, plan: Plan) -> None:
        write(changes_text(plan, self._paint) + "\n")

    def nothing_to_do(self, plan: Plan) -> None:
        write("Nothing to do: the plan has no changes.")

    def started(self, change: Change, setting: str) -> None:
        """Writing a setting takes milliseconds: its end is news enough."""
        if change.type in (ResourceType.PROCESS, ResourceType.NODE):
            write(f"{subject(change)}: {beginning(change)}...")

    def told(self, sentence: str) -> None:
        write(f"    {sentence}")

    def finished(self, change: Change, outcome: StepOutcome) -> None:
        write(f"{subject(change)}: {step_in_words(outcome)}")
        if outcome.next_step:
            write(f"    {outcome.next_step}")

    def state_errored(self, path: Path | None, text: bytes) -> None:
        if path:
            write(f"The state could not be saved. What was done is in {path}: keep it.", sys.stderr)
        else:
            write("The state could not be saved anywhere. Standard output has it: keep it.", sys.stderr)
            write(text.decode())

    def stopped_at_once(self) -> None:
        write("\nStopped at once. The next esnode plan says what became of what was in flight.", sys.stderr)

    def end(self, report: ApplyReport) -> None:
        write("\n" + self._paint(tally(report), "bold", "green" if report.is_complete else "red"))


class JsonApplyView:
    """For programs: JSON lines, and nothing else on standard output."""

    def warn(self, diagnostic: Diagnostic) -> None:
        emit_diagnostic(diagnostic)

    def begin(self) -> None:
        emit_version()

    def executing(self, plan: Plan) -> None:
        for change in plan.changes:
            emit("planned_change", f"{change.address}: plan to {', '.join(change.actions)}", change=change)

    def nothing_to_do(self, plan: Plan) -> None:
        emit("change_summary", "Nothing to do: the plan has no changes.", changes=_counts(None))

    def started(self, change: Change, setting: str) -> None:
        emit(
            "apply_start",
            f"{subject(change)}: {beginning(change) if setting not in SETTINGS else f'writing {setting}'}",
            hook={"address": change.address, "setting": setting},
        )

    def told(self, sentence: str) -> None:
        emit("apply_progress", sentence)

    def finished(self, change: Change, outcome: StepOutcome) -> None:
        failed = outcome.result is Result.FAILED
        emit(
            "apply_errored" if failed else "apply_complete",
            f"{subject(change)}: {step_in_words(outcome)}",
            level="error" if failed else "info",
            hook=outcome,
        )

    def state_errored(self, path: Path | None, text: bytes) -> None:
        place = f"in {path}" if path else "in this line"
        emit(
            "state_errored",
            f"The state could not be saved; what was done is {place}",
            level="error",
            path=str(path) if path else None,
            state=json.loads(text) if text else None,
        )

    def stopped_at_once(self) -> None:
        emit("interrupted", "Stopped at once; the next plan says what became of what was in flight", level="error")

    def end(self, report: ApplyReport) -> None:
        level = "info" if report.is_complete else "error"
        emit("change_summary", tally(report), level=level, changes=_counts(report), results=report.results)


def step_in_words(outcome: StepOutcome) -> str:
    """`power limit 700 W -> 650 W, read back (12 ms)`, or what went wrong."""
    if outcome.setting not in SETTINGS:
        return _deed_in_words(outcome)
    if outcome.result is Result.FAILED:
        return f"{path_in_words(outcome)} failed: {outcome.error}."
    proof = "read back" if outcome.is_readable else "accepted, not readable"
    return f"{path_in_words(outcome)}, {proof} ({outcome.seconds * 1000:.0f} ms)"


def path_in_words(outcome: StepOutcome) -> str:
    """`power limit 700 W -> 650 W`; "" for anything but a setting."""
    setting = SETTINGS.get(outcome.setting)
    return f"{setting.title} {setting.show(outcome.before)} -> {setting.show(outcome.after)}" if setting else ""


def _deed_in_words(outcome: StepOutcome) -> str:
    if outcome.result is Result.FAILED:
        return f"failed: {outcome.error}."
    return f"{outcome.note or 'done'} ({format_duration(outcome.seconds)})"


def beginning(change: Change) -> str:
    """What is about to be done to a resource that has no settings."""
    is_end = change.actions == (Operation.DELETE,)
    match change.type:
        case ResourceType.PROCESS:
            return f"ending process {show_value(change.before['pid'])} ({change.before['name']})"
        case ResourceType.NODE:
            return "giving the node back" if is_end else "draining"
        case _:
            return "resolving" if is_end else "sending"


def subject(change: Change) -> str:
    """What a line is about: a GPU by its label, anything else by its address."""
    return change.gpu.label if change.gpu and change.type is ResourceType.GPU else change.address


def tally(report: ApplyReport) -> str:
    """What became of every change."""
    applied, failed, idle = (report.count(result) for result in (Result.APPLIED, Result.FAILED, Result.NOT_STARTED))
    counts = f"{applied} applied, {failed} failed, {idle} not started"
    if report.is_complete:
        return f"Apply complete! Changes: {counts}."
    why = f" Stopped: {report.stopped}." if report.stopped else ""
    return f"Apply incomplete. Changes: {counts}.{why} Run esnode plan: it wants exactly what is left."


def _counts(report: ApplyReport | None) -> dict[str, object]:
    counts = {result.value: report.count(result) if report else 0 for result in Result}
    return {**counts, "operation": "apply"}
