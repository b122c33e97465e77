"""How a scan is shown: a table of what drifted, the evidence, and what is worth knowing beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from esnode.model.plan import Drift, LockStatus, Plan, gpu_ranges
from esnode.model.settings import SETTINGS
from esnode.views.drift_text import show_reading
from esnode.views.folding import fold
from esnode.views.jsonlines import emit, emit_diagnostic, emit_version
from esnode.views.plan_text import banner
from esnode.views.printable import printable
from esnode.views.text import Paint, counted, diagnostic_box, paint_for, write

_HEADERS = ("GPU", "setting", "applied", "observed", "cause", "by whom", "for", "when (UTC)")


class ScanView(Protocol):
    def begin(self) -> None: ...

    def show(self, plan: Plan, *, saved_to: Path | None = None) -> None: ...


def scan_view(*, as_json: bool, no_color: bool) -> ScanView:
    return JsonScanView() if as_json else TextScanView(no_color=no_color)


class TextScanView:
    """For people: the table on standard output, warnings on standard error."""

    def __init__(self, *, no_color: bool) -> None:
        self._paint = paint_for(sys.stdout, no_color=no_color)
        self._error_paint = paint_for(sys.stderr, no_color=no_color)

    def begin(self) -> None:
        """Nothing yet: an error in a profile comes first."""

    def show(self, plan: Plan, *, saved_to: Path | None = None) -> None:
        write(scan_text(plan, self._paint))
        for diagnostic in plan.diagnostics:
            write(diagnostic_box(diagnostic, self._error_paint), sys.stderr)
        hint = next_steps(plan, saved_to)
        if hint:
            write("\n" + hint)


class JsonScanView:
    """For programs: JSON lines, and nothing else on standard output."""

    def begin(self) -> None:
        emit_version()

    def show(self, plan: Plan, *, saved_to: Path | None = None) -> None:
        for drift in plan.drift:
            emit("resource_drift", f"{drift.address}: drift ({drift.cause}). {drift.evidence}", resource_drift=drift)
        for lock in plan.locks:
            emit("clock_lock", f"{lock.gpu.label}: {lock.setting}: {lock.status}. {lock.reason}", clock_lock=lock)
        for note in plan.notes:
            emit("note", note)
        for diagnostic in plan.diagnostics:
            emit_diagnostic(diagnostic)
        emit(
            "scan_summary",
            summary_line(plan),
            drift={"settings": _count(plan), "gpus": len(_drifted_gpus(plan))},
            correctable=len(plan.changes),
            complete=plan.complete,
            saved_to=str(saved_to) if saved_to else None,
        )


def scan_text(plan: Plan, paint: Paint) -> str:
    """The whole scan, without a line end and without control characters of its input."""
    plan = printable(plan)
    rows = [row for drift in plan.drift for row in _rows(drift)]
    sections = [
        banner(plan, paint),
        _table(rows) if rows else "",
        "\n".join(_evidence(plan)),
        "\n".join(f"Note: {note}" for note in (*plan.notes, *_consistent(plan))),
        paint(summary_line(plan), "bold", "yellow" if plan.drift else "green"),
    ]
    return "\n\n".join(section for section in sections if section)


def _table(rows: list[tuple[str, ...]]) -> str:
    # It costs 20 ms to load, and a scan that finds nothing needs no table.
    from tabulate import tabulate

    return tabulate(rows, headers=_HEADERS)


def summary_line(plan: Plan) -> str:
    """`Drift: 2 settings on 1 GPU.` or `No drift. ...`, and how many GPUs could not be read."""
    unread = sum(1 for gpu in plan.gpus if gpu.failure)
    unreadable = f" {counted(unread, 'GPU')} could not be read." if unread else ""
    if not plan.drift:
        return f"No drift. The hardware is as esnode applied it.{unreadable}"
    return f"Drift: {counted(_count(plan), 'setting')} on {counted(len(_drifted_gpus(plan)), 'GPU')}.{unreadable}"


def next_steps(plan: Plan, saved_to: Path | None) -> str:
    """How to correct the drift, and how to accept it."""
    if saved_to:
        saved = f"Saved the plan to: {saved_to}"
        return f"{saved}\n\nTo correct the drift, run:\n    esnode apply {saved_to}" if plan.can_apply else saved
    if not plan.can_apply:
        return ""
    return (
        "To correct it:  esnode scan -out fix.json, then esnode apply fix.json\n"
        "To accept it:   esnode plan -refresh-only -out accept.json, then esnode apply accept.json"
    )


def _rows(drift: Drift) -> Iterator[tuple[str, ...]]:
    for name, before in drift.before.items():
        applied = drift.applied.get(name)
        yield (
            drift.gpu.label,
            name,
            SETTINGS[name].show(before),
            "not readable" if not SETTINGS[name].readable else show_reading(name, drift.after[name]),
            drift.cause.value,
            applied.user if applied else "nobody",
            str(applied) if applied else "",
            applied.at.strftime("%Y-%m-%d %H:%M:%S") if applied else "",
        )


def _evidence(plan: Plan) -> Iterator[str]:
    for group in fold(plan.drift, lambda drift: (drift.cause, drift.evidence, tuple(drift.before))):
        names = ", ".join(group[0].before)
        yield f"{gpu_ranges(drift.gpu.index for drift in group)}, {names}: {group[0].evidence}"


def _consistent(plan: Plan) -> Iterator[str]:
    """Locks that the clocks speak for."""
    locks = [lock for lock in plan.locks if lock.status is LockStatus.CONSISTENT]
    for group in fold(locks, lambda lock: (lock.setting, str(lock.applied), lock.reason)):
        setting = SETTINGS[group[0].setting]
        where = f"{gpu_ranges(lock.gpu.index for lock in group)} ({setting.show(group[0].applied)})"
        yield f"The {setting.title} of {where} holds. {group[0].reason}"


def _count(plan: Plan) -> int:
    return sum(len(drift.before) for drift in plan.drift)


def _drifted_gpus(plan: Plan) -> set[str]:
    return {drift.gpu.uuid for drift in plan.drift}
