"""esnode state history."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command
from esnode.errors import EsnodeError


@click.command("history", cls=Command)
@options.state_option
@options.view_options
def command(state_path: Path, json: bool, no_color: bool) -> int:
    """List what was managed after each run, newest first. Works when the state itself is damaged or gone.

    \b
    Examples:
      esnode state history
      esnode state restore 12
    """
    from esnode.storage.history import HistoryFile
    from esnode.storage.states import StateFile
    from esnode.views.state_history import HistoryRow, show_history

    history = HistoryFile(state_path).read()
    problem, serial = "", None
    try:
        serial = StateFile(state_path).load_existing().serial
    except EsnodeError as damage:
        problem = damage.summary
    rows = [
        HistoryRow(at=entry.at, operation=entry.operation, user=entry.user, state=entry.state)
        for entry in reversed(history.entries)
    ]
    show_history(rows, present=serial, problem=problem, damaged=history.damaged, as_json=json)
    return 0
