"""esnode destroy: the same as `plan -destroy`."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.plan import run_plan
from esnode.cli.syntax import Command
from esnode.model.plan import Mode


@click.command("destroy", cls=Command)
@options.planning_options
@options.simulate_option
@options.state_option
@options.lock_options
@options.view_options
def command(
    out: Path | None,
    detailed_exitcode: bool,
    refresh: bool,
    targets: tuple[str, ...],
    valid_for: float,
    simulate: Path | None,
    state_path: Path,
    lock: bool,
    lock_timeout: float,
    json: bool,
    no_color: bool,
) -> int:
    """Plan to give every managed setting back its baseline. Nothing is touched until that plan is applied.

    \b
    Examples:
      esnode destroy -out back.json && esnode apply back.json
    """
    return run_plan(
        mode=Mode.DESTROY,
        profile_paths=(),
        out=out,
        detailed_exitcode=detailed_exitcode,
        refresh=refresh,
        targets=targets,
        valid_for=valid_for,
        capture=None,
        simulate=simulate,
        state_path=state_path,
        tags=(),
        labels=(),
        lock=lock,
        lock_timeout=lock_timeout,
        json=json,
        no_color=no_color,
    )
