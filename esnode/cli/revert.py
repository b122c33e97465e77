"""esnode revert: what waits in the background for an apply's confirmation."""

from __future__ import annotations

import time
from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command
from esnode.errors import EXIT_INCOMPLETE, EsnodeError
from esnode.storage.states import StateFile
from esnode.storage.watch import watching
from esnode.wiring.machine import Facts, facts, machine_clock
from esnode.wiring.probation import undo_overdue

LOOK_EVERY = 1.0
"""Seconds between two looks whether the apply was confirmed: a simulated clock may jump."""

TRY_AGAIN = 10.0
TRIES = 60


@click.command("revert", cls=Command)
@options.simulate_option
@options.node_option
@options.state_option
@options.lock_timeout_option
@options.view_options
def command(
    simulate: Path | None,
    node_path: Path | None,
    state_path: Path,
    lock_timeout: float,
    json: bool,
    no_color: bool,
) -> int:
    """Wait until the last apply is confirmed, or its time is over; then undo it.

    `apply -revert-after` starts this by itself. Started by hand, it takes the place of one that died.

    \b
    Examples:
      esnode revert
    """
    from esnode.views.jsonlines import begin

    begin(as_json=json)
    file, clock = StateFile(state_path), machine_clock(simulate)
    given = facts(node_path, is_this_machine=simulate is None)
    with watching(state_path) as is_mine:
        tries = 0
        while is_mine and tries < TRIES:
            probation = file.load_existing().managed.probation
            if probation is None:
                return 0
            left = probation.due_at.seconds_since(clock.now())
            if left > 0:
                time.sleep(min(left, LOOK_EVERY))
            elif not _undo(file, simulate, given, lock_timeout, as_json=json):
                tries += 1
                time.sleep(TRY_AGAIN)
    return EXIT_INCOMPLETE if is_mine else 0


def _undo(file: StateFile, simulate: Path | None, given: Facts, lock_timeout: float, *, as_json: bool) -> bool:
    from esnode.views.errors import show_retry

    try:
        return undo_overdue(file, simulate, given, lock_timeout, as_json=as_json)
    except EsnodeError as failure:
        show_retry(failure, TRY_AGAIN, as_json=as_json)
        return False
