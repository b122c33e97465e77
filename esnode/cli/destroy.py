"""esnode destroy: the same as `plan -destroy`."""

from __future__ import annotations

from typing import Any

import click

from esnode.cli import options
from esnode.cli.gate_options import gate_options
from esnode.cli.plan import run_plan
from esnode.cli.syntax import Command
from esnode.model.plan import Mode


@click.command("destroy", cls=Command)
@options.planning_options
@gate_options
@options.simulate_option
@options.node_option
@options.state_option
@options.lock_options
@options.view_options
def command(**asked: Any) -> int:
    """Plan to give every managed setting back its baseline. Nothing is touched until that plan is applied.

    \b
    Examples:
      esnode destroy -out back.json && esnode apply back.json
    """
    return run_plan(mode=Mode.DESTROY, **asked)
