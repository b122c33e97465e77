"""esnode sim init."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.completing import board_names
from esnode.cli.syntax import Command, switch


@click.command("init", cls=Command)
@click.argument("path", metavar="WORLD", type=click.Path(path_type=Path))
@click.option(
    "--board",
    default="H100-SXM",
    metavar="NAME",
    shell_complete=board_names,
    help="A board of the catalogue (H100-SXM).",
)
@click.option("--count", type=click.IntRange(1, 64), default=8, metavar="N", help="How many of them (8).")
@click.option(
    "--from", "capture", type=click.Path(path_type=Path), metavar="FILE", help="Start from a capture instead."
)
@click.option(
    "--speed",
    type=click.FloatRange(0, 100_000),
    default=1.0,
    metavar="X",
    help="World seconds per second (1); 0 stands still.",
)
@click.option(
    "--ambient", type=click.FloatRange(-20, 80), default=25.0, metavar="C", help="Temperature of the room (25)."
)
@click.option("--driver", default=None, metavar="VERSION", help="Driver version, 535 to 615.")
@click.option("--machine-id", default=None, metavar="ID", help="The machine's id; else a new one.")
@switch("force", help="Overwrite WORLD, and forget its registers.")
@options.view_options
def command(
    path: Path,
    board: str,
    count: int,
    capture: Path | None,
    speed: float,
    ambient: float,
    driver: str | None,
    machine_id: str | None,
    force: bool,
    json: bool,
    no_color: bool,
) -> int:
    """Write a world file, ready for -simulate.

    \b
    Examples:
      esnode sim init world.yaml
      esnode sim init -board L40S -count 2 -speed 60 world.yaml
      esnode sim init -from node7.xml node7.yaml
    """
    from esnode.simulator.template import create_world
    from esnode.simulator.world import open_world
    from esnode.views.jsonlines import begin
    from esnode.views.sim import show_created

    begin(as_json=json)
    create_world(
        path,
        board=board,
        count=count,
        from_capture=capture,
        speed=speed,
        ambient_celsius=ambient,
        driver=driver,
        machine_id=machine_id,
        overwrite=force,
    )
    show_created(path, open_world(path).describe(), as_json=json)
    return 0
