"""esnode rollback."""

from __future__ import annotations

from typing import Any

import click

from esnode.cli import options
from esnode.cli.gate_options import gate_options
from esnode.cli.plan import run_plan
from esnode.cli.syntax import Command
from esnode.errors import NothingToUndo
from esnode.model.plan import Mode
from esnode.storage.states import StateFile


@click.command("rollback", cls=Command)
@options.planning_options
@gate_options
@options.simulate_option
@options.node_option
@options.state_option
@options.lock_options
@options.view_options
def command(**asked: Any) -> int:
    """Plan to undo the last apply, from the values that it recorded. Nothing is touched until that plan is applied.

    Applied, the rollback is the last apply itself: rolled back again, it is redone.

    \b
    Examples:
      esnode rollback -out undo.json && esnode apply undo.json
    """
    if StateFile(asked["state_path"]).load_existing().managed.last_apply is None:
        raise NothingToUndo(
            "Nothing was applied with this state yet, so there is nothing to roll back",
            next_step="esnode destroy gives back what is managed; -state PATH names another state.",
        )
    return run_plan(mode=Mode.ROLLBACK, **asked)
