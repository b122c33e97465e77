"""esnode show."""

from __future__ import annotations

from pathlib import Path

import click

from esnode import wire
from esnode.cli import options
from esnode.cli.syntax import Command
from esnode.storage.files import read_file
from esnode.storage.states import StateFile
from esnode.views.jsonlines import emit_document


@click.command("show", cls=Command)
@click.argument("path", required=False, metavar="[PLAN|STATE]", type=click.Path(path_type=Path))
@options.state_option
@options.view_options
def command(path: Path | None, state_path: Path, json: bool, no_color: bool) -> int:
    """Show a saved plan, or a state (without an argument: the state). With -json: the file's own JSON, on one line.

    \b
    Examples:
      esnode show plan.json
      esnode show -json plan.json | jq .resource_changes
    """
    from esnode.storage.plans import is_plan

    target = path or state_path
    if path and is_plan(read_file(path, "plan file")):
        _show_plan(path, as_json=json, no_color=no_color)
    else:
        _show_state(target, as_json=json, no_color=no_color)
    return 0


def _show_plan(path: Path, *, as_json: bool, no_color: bool) -> None:
    from esnode.storage.plans import read_plan
    from esnode.views.plan import plan_view

    plan, _ = read_plan(path)
    if as_json:
        # The plan file is the machine-readable plan: it is shown as it is, once it proved to be whole.
        emit_document(wire.parse(read_file(path, "plan file")))
        return
    plan_view(as_json=False, no_color=no_color).show(plan)


def _show_state(path: Path, *, as_json: bool, no_color: bool) -> None:
    from esnode.views.state import show_state

    state = StateFile(path).load_existing()
    if as_json:
        emit_document(wire.parse(read_file(path, "state file")))
        return
    show_state(state, no_color=no_color)
