"""esnode state list."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command
from esnode.storage.states import StateFile


@click.command("list", cls=Command)
@options.state_option
@options.view_options
def command(state_path: Path, json: bool, no_color: bool) -> int:
    """List the address of everything that esnode manages, one a line.

    \b
    Examples:
      esnode state list
    """
    from esnode.views.state import show_addresses

    show_addresses(StateFile(state_path).load_existing(), as_json=json)
    return 0
