"""esnode state restore."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command, switch
from esnode.diagnostics import warning
from esnode.errors import FileUntrusted


@click.command("restore", cls=Command)
@click.argument("source", metavar="SERIAL|FILE")
@switch("force", help="Put a state of another lineage there.")
@options.state_option
@options.lock_options
@options.view_options
def command(
    source: str, force: bool, state_path: Path, lock: bool, lock_timeout: float, json: bool, no_color: bool
) -> int:
    """Put an earlier state back: a serial of the history, errored.state.json, a .backup, a copy of your own.

    The hardware is not touched. A state that is damaged is kept under another name.

    \b
    Examples:
      esnode state restore 12
      esnode state restore errored.state.json
    """
    from esnode.storage.history import history_path
    from esnode.storage.locks import locked
    from esnode.storage.restore import restore_state
    from esnode.storage.trust import check_trust
    from esnode.views.jsonlines import begin
    from esnode.views.state_history import show_restored, show_warning

    begin(as_json=json)
    try:
        if source.isdecimal():
            check_trust(history_path(state_path), "state's history")
        else:
            check_trust(Path(source), "state")
    except FileUntrusted as reason:
        show_warning(warning(reason.summary, reason.next_step), as_json=json)
    with locked(state_path, "restore", timeout=lock_timeout) if lock else contextlib.nullcontext():
        done = restore_state(state_path, source, force=force)
    show_restored(
        done.state,
        source=done.source,
        source_serial=done.source_serial,
        kept_aside=done.kept_aside,
        problem=done.problem,
        as_json=json,
    )
    return 0
