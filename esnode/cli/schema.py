"""esnode schema."""

from __future__ import annotations

import click

from esnode.cli import options
from esnode.cli.syntax import Command


@click.command("schema", cls=Command)
@click.argument("name", type=click.Choice(["profile", "node", "plan", "state"]), default="profile", metavar="[NAME]")
@options.view_options
def command(name: str, json: bool, no_color: bool) -> int:
    """Print the JSON Schema of a profile (the default), a node file, a plan or a state; with -json on one line.

    \b
    Examples:
      esnode schema profile > esnode-profile.schema.json
    """
    from esnode.storage.schema_files import schema_text
    from esnode.views.schema import show_schema

    show_schema(schema_text(f"{name}.v1"), as_json=json)
    return 0
