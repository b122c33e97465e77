"""esnode state pull."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command
from esnode.storage.files import read_file
from esnode.storage.states import StateFile


@click.command("pull", cls=Command)
@options.state_option
@options.view_options
def command(state_path: Path, json: bool, no_color: bool) -> int:
    """Print the state file as it is, once it proved to be whole: to look into, or to keep a copy. -json: on one line.

    \b
    Examples:
      esnode state pull | jq .serial
    """
    from esnode.views.state import show_raw

    StateFile(state_path).load_existing()
    show_raw(read_file(state_path, "state file"), as_json=json)
    return 0
