"""esnode confirm."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command
from esnode.engine.record import end_probation
from esnode.errors import NothingToUndo
from esnode.storage.locks import locked
from esnode.storage.states import StateFile


@click.command("confirm", cls=Command)
@options.state_option
@options.lock_timeout_option
@options.view_options
def command(state_path: Path, lock_timeout: float, json: bool, no_color: bool) -> int:
    """Keep what `apply -revert-after` changed: it is not undone any more.

    \b
    Examples:
      esnode confirm
    """
    from esnode.views.jsonlines import begin
    from esnode.views.state_edits import show_confirmed

    begin(as_json=json)
    file = StateFile(state_path)
    file.load_existing()
    with locked(state_path, "confirm", timeout=lock_timeout):
        state = file.load()
        last = state.managed.last_apply
        when = last.applied_at.at.strftime("%Y-%m-%d %H:%M:%S UTC") if last else ""
        if state.managed.probation is None:
            raise NothingToUndo(
                "Nothing waits for a confirmation",
                detail=f"The last apply was on {when}, by {last.user}." if last else "",
            )
        file.save(end_probation(state))
    show_confirmed(when, as_json=json)
    return 0
