"""esnode force-unlock."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command


@click.command("force-unlock", cls=Command)
@click.argument("lock_id", metavar="ID")
@options.state_option
@options.view_options
def command(lock_id: str, state_path: Path, json: bool, no_color: bool) -> int:
    """Clear what a dead holder left in the state's lock. The lock of a process that lives is never broken.

    \b
    Examples:
      esnode force-unlock 0b7c2f6e-...
    """
    from esnode.storage.locks import force_unlock
    from esnode.views.jsonlines import begin
    from esnode.views.state_edits import show_unlocked

    begin(as_json=json)
    holder = force_unlock(state_path, lock_id)
    show_unlocked(str(holder), as_json=json)
    return 0
