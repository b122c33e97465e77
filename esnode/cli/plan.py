"""esnode plan."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from esnode.cli import options
from esnode.cli.reports import save_reports
from esnode.cli.syntax import Command, switch
from esnode.errors import EXIT_CHANGES, BadInvocation
from esnode.model.plan import Mode
from esnode.wiring.machine import facts, open_machine
from esnode.wiring.profiles import distrusted, read_given


@click.command("plan", cls=Command)
@options.profile_option
@options.planning_options
@switch("destroy", help="Plan to give every managed setting back.")
@switch("refresh-only", help="Plan to accept drift: what is observed becomes what is applied.")
@switch("reassert", help="Plan to write clock locks again that nobody can verify.")
@options.machine_options
@options.node_option
@options.state_option
@options.given_options
@options.lock_options
@options.view_options
@click.pass_context
def command(
    ctx: click.Context, /, destroy: bool, refresh_only: bool, reassert: bool, capture: Path | None, **asked: Any
) -> int:
    """Refresh, judge the profiles against the hardware, and show what would change.

    \b
    Examples:
      esnode plan -f training.es -out plan.json
      esnode plan -f profiles/ -detailed-exitcode
      esnode plan -capture node7.xml -f training.es -label workload_type=training
      esnode plan -refresh-only -out accept.json
    """
    if capture and ctx.get_parameter_source("simulate") is ParameterSource.COMMANDLINE:
        raise BadInvocation("-capture and -simulate cannot be given together")
    if destroy and asked["profile_paths"]:
        raise BadInvocation("-destroy gives everything back, so -f has no meaning beside it")
    if refresh_only and asked["profile_paths"]:
        raise BadInvocation("-refresh-only asks what the hardware shows and no profile, so -f has no meaning beside it")
    if refresh_only and not asked["refresh"]:
        raise BadInvocation("-refresh-only and -refresh=false cannot be given together")
    options.refuse_together(destroy=destroy, refresh_only=refresh_only, reassert=reassert)
    mode = Mode.DESTROY if destroy else Mode.REFRESH_ONLY if refresh_only else Mode.NORMAL
    return run_plan(mode=mode, reassert=reassert, capture=capture, **asked)


def run_plan(
    *,
    mode: Mode,
    profile_paths: tuple[Path, ...] = (),
    reassert: bool = False,
    capture: Path | None = None,
    tags: tuple[tuple[str, str], ...] = (),
    labels: tuple[tuple[str, str], ...] = (),
    out: Path | None,
    detailed_exitcode: bool,
    refresh: bool,
    targets: tuple[str, ...],
    valid_for: float,
    timeout: float,
    simulate: Path | None,
    node_path: Path | None,
    state_path: Path,
    lock: bool,
    lock_timeout: float,
    json: bool,
    no_color: bool,
    junit: Path | None = None,
    sarif: Path | None = None,
) -> int:
    """Plan, save and show. The exit code."""
    from esnode.views.plan import plan_view
    from esnode.views.progress import progress

    view = plan_view(as_json=json, no_color=no_color)
    view.begin()
    given = facts(node_path, tags=tags, labels=labels, is_this_machine=not (simulate or capture))
    with contextlib.ExitStack() as stack:
        # The driver takes its time to open; profiles are read meanwhile.
        asks_driver = refresh and not capture
        machine = stack.enter_context(open_machine(simulate, given, timeout=timeout)) if asks_driver else None
        profiles = read_given(profile_paths) if mode is Mode.NORMAL else ()
        from esnode.wiring.planning import Request, plan_for

        if refresh:
            view.refreshing()
        request = Request(
            profiles=profiles,
            mode=mode,
            state_path=state_path,
            facts=given,
            capture=capture,
            simulate=None if capture else simulate,
            refresh=refresh,
            lock=lock,
            lock_timeout=lock_timeout,
            targets=targets,
            valid_for=valid_for,
            timeout=timeout,
            reassert=reassert,
        )
        with progress(f"Reading {capture or 'the hardware'}", as_json=json):
            plan = plan_for(request, machine)
    plan = replace(plan, diagnostics=(*distrusted(profiles, given.node_file), *plan.diagnostics))
    if out:
        from esnode.storage.plans import write_plan

        write_plan(plan, out)
    save_reports(plan, junit=junit, sarif=sarif)
    view.show(plan, saved_to=out)
    return EXIT_CHANGES if detailed_exitcode and plan.has_changes else 0
