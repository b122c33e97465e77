"""esnode diff."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command, switch
from esnode.errors import EXIT_CHANGES


@click.command("diff", cls=Command)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@switch("detailed-exitcode", help="Exit 2 when the plans differ.")
@options.view_options
def command(old: Path, new: Path, detailed_exitcode: bool, json: bool, no_color: bool) -> int:
    """Show what one saved plan does that another does not, times and readings aside.

    \b
    Examples:
      esnode diff approved.json plan.json -detailed-exitcode
    """
    from esnode.engine.compare import compare
    from esnode.storage.plans import read_plan
    from esnode.views.diff import show_differences

    differences = compare(read_plan(old)[0], read_plan(new)[0])
    show_differences(differences, as_json=json, no_color=no_color)
    return EXIT_CHANGES if detailed_exitcode and differences else 0
