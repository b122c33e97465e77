"""The state's history, and what was put back of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tabulate import tabulate

from esnode import wire
from esnode.diagnostics import Diagnostic
from esnode.model.settings import SETTINGS
from esnode.model.state import State
from esnode.records import dataclass
from esnode.views.jsonlines import emit, emit_diagnostic, emit_document
from esnode.views.printable import printable
from esnode.views.text import counted, diagnostic_box, paint_for, write

_SETTINGS_SHOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One entry: the state as `operation` left it, or, for `before ...`, found it."""

    at: datetime
    operation: str
    user: str
    state: State


def show_history(rows: Sequence[HistoryRow], *, present: int | None, problem: str, damaged: int, as_json: bool) -> None:
    """Newest first. `present` is the serial of the state as it is, None when `problem` says why it cannot be read."""
    if as_json:
        entries = [_document(row) for row in rows]
        document = {"serial": present, "problem": problem or None, "damaged_entries": damaged, "entries": entries}
        emit_document(document)
        return
    write(history_text(rows, present=present, problem=problem, damaged=damaged))


def history_text(rows: Sequence[HistoryRow], *, present: int | None, problem: str, damaged: int) -> str:
    rows = printable(tuple(rows))
    head = f"The state has serial {present}." if present is not None else f"{problem}."
    if damaged:
        lost = f"{counted(damaged, 'entry')} of the history cannot be read."
        head = f"{head} {lost}"
    if not rows:
        return f"{head}\nThe history is empty."
    table = tabulate(
        [[row.state.serial, _time(row.at), row.operation, row.user, _managed(row.state)] for row in rows],
        headers=["serial", "when", "operation", "by", "managed"],
        disable_numparse=True,
    )
    return "\n".join([head, "", table, "", "esnode state restore SERIAL puts one back."])


def show_restored(
    state: State, *, source: str, source_serial: int, kept_aside: Path | None, problem: str, as_json: bool
) -> None:
    """What was done, and what to do next."""
    managed = sum(record.is_managed for record in state.managed.gpus.values())
    if as_json:
        emit(
            "state_restored",
            f"{source} was put back as serial {state.serial}",
            source=source,
            source_serial=source_serial,
            serial=state.serial,
            lineage=state.lineage,
            managed_gpus=managed,
            kept_aside=str(kept_aside) if kept_aside else None,
            problem=problem or None,
        )
        return
    write(f"{source} was put back as serial {state.serial}: {counted(managed, 'GPU')} managed.")
    if kept_aside:
        write(f"{problem}. The damaged file is kept as {kept_aside}.")
    if state.managed.is_in_flight:
        write(f"It has {counted(_under_way(state), 'write')} under way: the next plan decides by reading.")
    write("The hardware was not touched. esnode plan shows what differs from it.")


def show_warning(diagnostic: Diagnostic, *, as_json: bool) -> None:
    if as_json:
        emit_diagnostic(diagnostic)
    else:
        write(diagnostic_box(diagnostic, paint_for(sys.stderr)), sys.stderr)


def _document(row: HistoryRow) -> dict[str, object]:
    return {
        "serial": row.state.serial,
        "at": row.at.isoformat(),
        "operation": row.operation,
        "user": row.user,
        "lineage": row.state.lineage,
        "node": wire.plain(row.state.node),
        "managed": wire.plain(row.state.managed),
    }


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _managed(state: State) -> str:
    """`GPU-0: power limit 600 W; GPU-1: ...`, as far as one line goes."""
    records = [record for record in state.managed.gpus.values() if record.is_managed]
    if not records:
        return "nothing" + _in_flight(state)
    names = sorted({name for record in records for name in record.settings}, key=lambda name: SETTINGS[name].order)
    shown = ", ".join(SETTINGS[name].title for name in names[:_SETTINGS_SHOWN])
    more = f" and {len(names) - _SETTINGS_SHOWN} more" if len(names) > _SETTINGS_SHOWN else ""
    return f"{shown}{more} of {counted(len(records), 'GPU')}{_in_flight(state)}"


def _in_flight(state: State) -> str:
    return f", {counted(_under_way(state), 'write')} under way" if state.managed.is_in_flight else ""


def _under_way(state: State) -> int:
    return len(state.managed.journal) + len(state.managed.errands)
