"""esnode schema."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command


@click.command("schema", cls=Command)
@click.argument(
    "name",
    type=click.Choice(["profile", "node", "world", "test", "plan", "state"]),
    default="profile",
    metavar="[profile|node|world|test|plan|state]",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it to FILE instead.")
@options.view_options
def command(name: str, out: Path | None, json: bool, no_color: bool) -> int:
    """Print a JSON Schema: of a profile (the default), a node file, a world, a test of profiles, a plan or a state.

    Editors complete and check by it, in files that begin with the comment below (docs/editor.md):

    \b
      # yaml-language-server: $schema=esnode-profile.schema.json

    \b
    Examples:
      esnode schema -out esnode-profile.schema.json
      esnode schema node
    """
    from esnode.storage.schema_files import schema_text
    from esnode.views.schema import show_schema

    text = schema_text(f"{name}.v1")
    if out is None:
        show_schema(text, as_json=json)
        return 0
    from esnode.storage.files import replace_file

    replace_file(out, text.encode(), mode=0o644)
    return 0
