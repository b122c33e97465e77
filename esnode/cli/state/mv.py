"""esnode state mv."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.state.changing import opened, save_change
from esnode.cli.syntax import Command, switch


@click.command("mv", cls=Command)
@click.argument("old")
@click.argument("new")
@switch("dry-run", help="Only say what would be moved.")
@options.state_option
@options.lock_options
@options.view_options
def command(
    old: str,
    new: str,
    dry_run: bool,
    state_path: Path,
    lock: bool,
    lock_timeout: float,
    json: bool,
    no_color: bool,
) -> int:
    """Rename a profile or a policy in the state, so that renaming it in a file is no removal and addition.

    \b
    Examples:
      esnode state mv training/thermal training/thermal-safety
      esnode state mv training llama3-training
    """
    from esnode.engine.state_edits import parse_rename, rename
    from esnode.views.jsonlines import begin
    from esnode.views.state_edits import show_renamed

    begin(as_json=json)
    wanted = parse_rename(old, new)
    with opened(state_path, "state mv", lock=lock, timeout=lock_timeout) as (file, state):
        renamed = rename(state, wanted)
        serial = state.serial if dry_run else save_change(file, renamed.state).serial
    counts = {
        "hold": renamed.holds,
        "setting": renamed.settings,
        "released hold": renamed.rests,
        "clock": renamed.clocks,
    }
    show_renamed(old, new, counts, serial=serial, is_dry_run=dry_run, as_json=json)
    return 0
