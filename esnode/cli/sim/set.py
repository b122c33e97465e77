"""esnode sim set."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.sim.worlds import given_world
from esnode.cli.syntax import Assignment, Command
from esnode.errors import BadInvocation


@click.command("set", cls=Command)
@click.argument("words", nargs=-1, required=True, metavar="[GPU|all|world] NAME=VALUE...")
@options.simulate_option
@options.view_options
def command(words: tuple[str, ...], simulate: Path | None, json: bool, no_color: bool) -> int:
    """Change the machine as a foreign hand would: by another tool, by the weather, by bad luck.

    \b
    Examples:
      esnode sim set 0 power_limit_watts=680    # another program's nvidia-smi -pl
      esnode sim set 0 gpu_temp_celsius=84      # pin a sensor; =auto frees it
      esnode sim set all gpu_utilization=0
      esnode sim set 3 fault=gpu_lost           # =none mends it
      esnode sim set clock=+5m                  # five minutes pass at once
      esnode sim set world driver=restart
    """
    from esnode.views.jsonlines import begin
    from esnode.views.sim import show_set

    begin(as_json=json)
    target = None if "=" in words[0] else words[0]
    pairs = words if target is None else words[1:]
    if not pairs:
        raise BadInvocation("There is nothing to set", next_step="Say NAME=VALUE, such as power_limit_watts=680.")
    assignments = dict(Assignment().convert(pair, None, None) for pair in pairs)
    given_world(simulate).set(target, assignments)
    show_set(target, assignments, as_json=json)
    return 0
