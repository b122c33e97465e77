"""esnode state adopt."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.state.changing import opened, save_change
from esnode.cli.syntax import Command, switch
from esnode.errors import BadInvocation, StalePlan


@click.command("adopt", cls=Command)
@switch("yes", help="Do not ask.")
@options.simulate_option
@options.node_option
@options.state_option
@options.lock_options
@options.view_options
def command(
    yes: bool,
    simulate: Path | None,
    node_path: Path | None,
    state_path: Path,
    lock: bool,
    lock_timeout: float,
    json: bool,
    no_color: bool,
) -> int:
    """Make another machine's state this machine's own: after its disk went into a new host, say.

    \b
    Examples:
      esnode state adopt
      esnode state adopt -yes
    """
    from esnode.engine.state_edits import adopt
    from esnode.model.needs import NOTHING_MORE
    from esnode.storage.states import StateFile
    from esnode.views.jsonlines import begin
    from esnode.views.progress import progress
    from esnode.views.state_edits import ask_to_adopt, show_adopted, show_both
    from esnode.wiring.machine import facts, open_machine

    begin(as_json=json)
    before = StateFile(state_path).load_existing()
    given = facts(node_path, is_this_machine=simulate is None)
    with progress("Reading the hardware", as_json=json), open_machine(simulate, given) as machine:
        observation = machine.observe(NOTHING_MORE)
    here = observation.node.identity
    if before.node is None or before.node == here:
        show_adopted(here, None, as_json=json)
        return 0
    show_both(before, observation, as_json=json)
    if not yes and (json or not ask_to_adopt(sys.stdin)):
        raise BadInvocation(
            "The state was not adopted: that needs a yes", next_step="Answer yes, or run esnode state adopt -yes."
        )
    with opened(state_path, "state adopt", lock=lock, timeout=lock_timeout) as (file, state):
        if (state.lineage, state.node) != (before.lineage, before.node):
            raise StalePlan("The state was changed while you looked at it", next_step="Run esnode state adopt again.")
        state = save_change(file, adopt(state, observation))
    show_adopted(here, state.serial, as_json=json)
    return 0
