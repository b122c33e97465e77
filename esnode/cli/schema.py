"""esnode schema."""

from __future__ import annotations

import click

from esnode.cli.syntax import Command


@click.command("schema", cls=Command)
@click.argument(
    "name", type=click.Choice(["profile", "node", "test", "plan", "state"]), default="profile", metavar="[NAME]"
)
def command(name: str) -> int:
    """Print the JSON Schema of a profile (the default), a node file, a test of profiles, a plan or a state.

    \b
    Examples:
      esnode schema profile > esnode-profile.schema.json
    """
    from esnode.storage.schema_files import schema_text
    from esnode.views.text import write

    write(schema_text(f"{name}.v1").rstrip("\n"))
    return 0
