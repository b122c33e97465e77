"""esnode scan."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command
from esnode.errors import EXIT_CHANGES
from esnode.wiring.machine import facts, open_machine
from esnode.wiring.profiles import read_given

VALID_FOR = 3600.0


@click.command("scan", cls=Command)
@click.option(
    "-f",
    "profile_paths",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="Compare with the settings of this profile, too; repeats.",
)
@click.option(
    "--out", "out", type=click.Path(path_type=Path), metavar="FILE", help="Save a plan with just the corrections."
)
@options.timeout_option
@options.machine_options
@options.node_option
@options.state_option
@options.given_options
@options.lock_options
@options.view_options
def command(
    profile_paths: tuple[Path, ...],
    out: Path | None,
    timeout: float,
    capture: Path | None,
    simulate: Path | None,
    node_path: Path | None,
    state_path: Path,
    tags: tuple[tuple[str, str], ...],
    labels: tuple[tuple[str, str], ...],
    lock: bool,
    lock_timeout: float,
    json: bool,
    no_color: bool,
) -> int:
    """Read the hardware and compare it with what esnode applied. Writes nothing to it. Exit 2: it drifted.

    \b
    Examples:
      esnode scan
      esnode scan -f training.es -out fix.json
    """
    given = facts(node_path, tags=tags, labels=labels, is_this_machine=not (simulate or capture))
    with contextlib.ExitStack() as stack:
        # The driver takes its time to open; all else is loaded and read meanwhile.
        machine = None if capture else stack.enter_context(open_machine(simulate, given, timeout=timeout))
        from esnode.model.plan import Mode
        from esnode.views.progress import progress
        from esnode.views.scan import scan_view
        from esnode.wiring.planning import Request, plan_for

        view = scan_view(as_json=json, no_color=no_color)
        view.begin()
        request = Request(
            profiles=read_given(profile_paths) if profile_paths else (),
            mode=Mode.CORRECT,
            state_path=state_path,
            facts=given,
            capture=capture,
            simulate=None if capture else simulate,
            refresh=True,
            lock=lock,
            lock_timeout=lock_timeout,
            targets=(),
            valid_for=VALID_FOR,
            timeout=timeout,
        )
        with progress(f"Reading {capture or 'the hardware'}", as_json=json):
            plan = plan_for(request, machine)
    if out:
        from esnode.storage.plans import write_plan

        write_plan(plan, out)
    view.show(plan, saved_to=out)
    return EXIT_CHANGES if plan.drift else 0
