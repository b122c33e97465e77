"""esnode top."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command, Duration, switch
from esnode.errors import BadInvocation, NoProfile
from esnode.wiring.machine import facts, open_machine
from esnode.wiring.own_look import Given
from esnode.wiring.profiles import read_given
from esnode.wiring.top import Manner, watch

SHORTEST_INTERVAL = 0.2


@click.command("top", cls=Command)
@click.option(
    "-f",
    "profile_paths",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="Judge by this profile where no loop says how it is; repeats. Else *.es here, if any.",
)
@click.option(
    "--interval",
    type=Duration(),
    default=None,
    metavar="DURATION",
    help="How often to look (2s; 1s at a loop that serves its status).",
)
@switch("once", help="Print one frame and end, as without a terminal.")
@options.timeout_option
@options.simulate_option
@options.node_option
@options.state_option
@options.given_options
@options.view_options
def command(
    profile_paths: tuple[Path, ...],
    interval: float | None,
    once: bool,
    timeout: float,
    simulate: Path | None,
    node_path: Path | None,
    state_path: Path,
    tags: tuple[tuple[str, str], ...],
    labels: tuple[tuple[str, str], ...],
    json: bool,
    no_color: bool,
) -> int:
    """Watch GPUs, verdicts, settings and recent changes, live. Writes nothing, to no hardware and to no file.

    It shows what the control loop on the state says of itself, where one listens; else it looks for itself.

    \b
    Keys: q quit, p pause, s sort, up and down scroll, ? help.

    \b
    Examples:
      esnode top
      esnode top -f training.es -interval 5s
      esnode top -state /var/lib/esnode/esnode.state.json
      esnode top -once
      esnode top -json
    """
    if interval is not None and interval < SHORTEST_INTERVAL:
        raise BadInvocation(f"-interval {interval:g}s is too often", next_step=f"Give at least {SHORTEST_INTERVAL:g}s.")
    given_facts = facts(node_path, tags=tags, labels=labels, is_this_machine=not simulate)
    try:
        profiles = read_given(profile_paths)
    except NoProfile:
        profiles = ()
    return watch(
        Given(profiles=profiles, state_path=state_path, interval=interval),
        lambda: open_machine(simulate, given_facts, timeout=timeout),
        Manner(once=once, as_json=json, no_color=no_color, timeout=timeout),
    )
