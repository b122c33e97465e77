"""esnode state show."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command
from esnode.storage.states import StateFile
from esnode.wiring.addresses import resolve_address


@click.command("show", cls=Command)
@click.argument("address")
@options.state_option
@options.view_options
def command(address: str, state_path: Path, json: bool, no_color: bool) -> int:
    """Show what esnode manages under one address.

    \b
    Examples:
      esnode state show gpu[0]
    """
    from esnode.views.state import show_resource

    state = StateFile(state_path).load_existing()
    identities = [record.identity for record in state.managed.gpus.values() if record.is_managed]
    show_resource(state, resolve_address(address, identities), as_json=json)
    return 0
