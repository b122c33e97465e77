"""esnode sim show."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.sim.worlds import given_world
from esnode.cli.syntax import Command


@click.command("show", cls=Command)
@options.simulate_option
@options.view_options
def command(simulate: Path | None, json: bool, no_color: bool) -> int:
    """Show what the machine is really doing, beyond what its driver tells: true locks, faults, pinned sensors.

    \b
    Examples:
      esnode sim show
    """
    from esnode.views.sim import show_panel

    world = given_world(simulate)
    show_panel(world.describe(), world.front_panel(), as_json=json)
    return 0
