"""esnode show."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from esnode import wire
from esnode.cli import options
from esnode.cli.reports import save_report, save_reports
from esnode.cli.syntax import Command, switch
from esnode.errors import BadInvocation
from esnode.storage.files import read_file
from esnode.storage.states import StateFile
from esnode.views.jsonlines import emit_document
from esnode.views.plan import show_written


@click.command("show", cls=Command)
@click.argument("path", required=False, metavar="[PLAN|STATE]", type=click.Path(path_type=Path))
@switch("digest", help="Print a plan's digest alone, for apply -expect-digest.")
@switch("markdown", help="Print the plan for a comment on a pull request.")
@click.option(
    "--html",
    "html",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the plan as one page that needs nothing else.",
)
@options.report_options
@options.state_option
@options.view_options
def command(
    path: Path | None,
    digest: bool,
    markdown: bool,
    html: Path | None,
    junit: Path | None,
    sarif: Path | None,
    state_path: Path,
    json: bool,
    no_color: bool,
) -> int:
    """Show a saved plan, or a state (without an argument: the state). With -json: the file's own JSON, on one line.

    \b
    Examples:
      esnode show plan.json
      esnode show -json plan.json | jq .resource_changes
      esnode apply -expect-digest=$(esnode show -digest approved.json) plan.json
      esnode show -markdown plan.json > comment.md
      esnode show -html plan.html plan.json
    """
    if digest:
        return _show_digest(path, as_json=json)
    from esnode.storage.plans import is_plan

    options.refuse_together(markdown=markdown, json=json)
    of_a_plan = {"-markdown": markdown, "-html": html, "-junit": junit, "-sarif": sarif}
    wanted = [name for name, value in of_a_plan.items() if value]
    if path and is_plan(read_file(path, "plan file")):
        _show_plan(path, markdown, html, junit, sarif, as_json=json, no_color=no_color)
    elif wanted:
        raise BadInvocation(
            f"{path or state_path} is no plan, and {wanted[0]} shows a plan",
            next_step="Save one with esnode plan -out plan.json, then name it: esnode show "
            + f"{wanted[0]} ... plan.json.",
        )
    else:
        _show_state(path or state_path, as_json=json, no_color=no_color)
    return 0


def _show_digest(path: Path | None, *, as_json: bool) -> int:
    """The digest and a line end. What is no plan is an error, so that no other text is ever taken for a digest."""
    from esnode.storage.plans import read_plan

    options.refuse_together(digest=True, json=as_json)
    if path is None:
        raise BadInvocation("-digest is that of a plan: esnode show -digest PLAN")
    sys.stdout.write(read_plan(path)[1] + "\n")
    return 0


def _show_plan(
    path: Path,
    markdown: bool,
    html: Path | None,
    junit: Path | None,
    sarif: Path | None,
    *,
    as_json: bool,
    no_color: bool,
) -> None:
    from esnode.storage.plans import read_plan

    plan, digest = read_plan(path)
    if html:
        from esnode.views.plan_html import plan_html

        save_report(html, plan_html(plan, digest=digest))
    save_reports(plan, junit=junit, sarif=sarif)
    if markdown:
        from esnode.views.plan_markdown import show_markdown

        show_markdown(plan, source=str(path), digest=digest)
    elif as_json:
        # The plan file is the machine-readable plan: it is shown as it is, once it proved to be whole.
        emit_document(wire.parse(read_file(path, "plan file")))
    elif html or junit or sarif:
        show_written([file for file in (html, junit, sarif) if file])
    else:
        from esnode.views.plan import plan_view

        plan_view(as_json=False, no_color=no_color).show(plan)


def _show_state(path: Path, *, as_json: bool, no_color: bool) -> None:
    from esnode.views.state import show_state

    state = StateFile(path).load_existing()
    if as_json:
        emit_document(wire.parse(read_file(path, "state file")))
        return
    show_state(state, no_color=no_color)
