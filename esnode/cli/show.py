"""esnode show."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command, switch
from esnode.errors import BadInvocation
from esnode.storage.files import read_file
from esnode.storage.states import StateFile


@click.command("show", cls=Command)
@click.argument("path", required=False, metavar="[PLAN|STATE]", type=click.Path(path_type=Path))
@switch("digest", help="Print a plan's digest alone, for apply -expect-digest.")
@options.state_option
@options.view_options
def command(path: Path | None, digest: bool, state_path: Path, json: bool, no_color: bool) -> int:
    """Show a saved plan, or a state (without an argument: the state). With -json: the file's own JSON.

    \b
    Examples:
      esnode show plan.json
      esnode show -json plan.json | jq .resource_changes
      esnode apply -expect-digest=$(esnode show -digest approved.json) plan.json
    """
    if digest:
        return _show_digest(path, as_json=json)
    from esnode.storage.plans import is_plan

    target = path or state_path
    if path and is_plan(read_file(path, "plan file")):
        _show_plan(path, as_json=json, no_color=no_color)
    else:
        _show_state(target, as_json=json, no_color=no_color)
    return 0


def _show_digest(path: Path | None, *, as_json: bool) -> int:
    """The digest and a line end. What is no plan is an error, so that no other text is ever taken for a digest."""
    from esnode.storage.plans import read_plan

    options.refuse_together(digest=True, json=as_json)
    if path is None:
        raise BadInvocation("-digest is that of a plan: esnode show -digest PLAN")
    sys.stdout.write(read_plan(path)[1] + "\n")
    return 0


def _show_plan(path: Path, *, as_json: bool, no_color: bool) -> None:
    from esnode.storage.plans import read_plan
    from esnode.views.plan import plan_view

    plan, _ = read_plan(path)
    if as_json:
        # The plan file is the machine-readable plan: it is shown as it is, once it proved to be whole.
        sys.stdout.write(read_file(path, "plan file").decode() + "\n")
        return
    plan_view(as_json=False, no_color=no_color).show(plan)


def _show_state(path: Path, *, as_json: bool, no_color: bool) -> None:
    from esnode.views.state import show_state

    state = StateFile(path).load_existing()
    if as_json:
        sys.stdout.write(read_file(path, "state file").decode())
        return
    show_state(state, no_color=no_color)
