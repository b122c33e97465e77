"""esnode plan."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from esnode.cli import options
from esnode.cli.gate_options import check_signing, gate_options, rules_of
from esnode.cli.reports import save_reports
from esnode.cli.syntax import Command, Out, switch
from esnode.errors import EXIT_CHANGES, EXIT_ERROR, EXIT_PLAN_REFUSED, BadInvocation, EsnodeError, PlanDenied
from esnode.model.plan import Mode, Plan
from esnode.records import replace
from esnode.wiring.machine import facts, open_machine
from esnode.wiring.profiles import distrusted, read_given
from esnode.wiring.saving import ENDING, make_folder, save_plan, sign_plan

if TYPE_CHECKING:
    from esnode.wiring.gates import Approved, Gates

_PLANNING = ("state_path", "refresh", "lock", "lock_timeout", "targets", "valid_for", "timeout")
"""What is asked of every planning alike."""


@click.command("plan", cls=Command)
@options.profile_option
@options.planning_options
@gate_options
@switch("destroy", help="Plan to give every managed setting back.")
@switch("refresh-only", help="Plan to accept drift into the record.")
@switch("reassert", help="Plan to write unverifiable locks again.")
@options.machines_options
@options.node_option
@options.state_option
@options.given_options
@options.lock_options
@options.view_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    destroy: bool,
    refresh_only: bool,
    reassert: bool,
    capture: tuple[Path, ...],
    captures: tuple[Path, ...],
    **asked: Any,
) -> int:
    """Refresh, judge the profiles, and show what would change.

    \b
    Examples:
      esnode plan -f training.es -out plan.json
      esnode plan -f training.es -against approved.json -out plan.json
      esnode plan -f training.es -deny delete,kill_process -max-watts-delta 1500
      esnode plan -capture node7.xml -f training.es -label workload_type=training
      esnode plan -f training.es -out plans/ -capture captures/*.xml
      esnode plan -refresh-only -out accept.json
    """
    _check_words(capture, captures)
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
    files = (*capture, *captures)
    if len(files) > 1 or any(path.is_dir() for path in files):
        return run_captures(files, mode=mode, reassert=reassert, **asked)
    return run_plan(mode=mode, reassert=reassert, capture=files[0] if files else None, **asked)


def _check_words(capture: Sequence[Path], words: Sequence[Path]) -> None:
    """Bare words are captures, as a shell makes them of `-capture captures/*.xml`. Nothing else is taken for one."""
    profile = next((word for word in words if word.name.endswith((".es", ".yaml", ".yml"))), None)
    if profile:
        raise BadInvocation(
            f"{profile} stands alone and looks like a profile",
            next_step=f"Give each profile its own -f (-f {profile}), or name their folder.",
        )
    if words and not capture:
        raise BadInvocation(
            f"{words[0]} stands alone: plan takes bare words only after -capture, as further captures",
            next_step="Run esnode plan -help to see what it takes.",
        )


def run_plan(
    *,
    mode: Mode,
    profile_paths: tuple[Path, ...] = (),
    reassert: bool = False,
    capture: Path | None = None,
    tags: tuple[tuple[str, str], ...] = (),
    labels: tuple[tuple[str, str], ...] = (),
    out: Out | None,
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
    against: Path | None,
    deny: tuple[tuple[str, ...], ...],
    max_changes: int | None,
    max_watts_delta: float | None,
    sign_key: Path | None,
    sign_key_password: str,
    json: bool,
    no_color: bool,
    junit: Path | None = None,
    sarif: Path | None = None,
) -> int:
    """Plan, save and show, then hold the plan to its gates. The exit code."""
    check_signing(sign_key, sign_key_password, is_saved=out is not None)
    given = facts(node_path, tags=tags, labels=labels, is_this_machine=not (simulate or capture))
    with contextlib.ExitStack() as stack:
        # The driver takes its time to open; all else is loaded and read meanwhile.
        asks_driver = refresh and not capture
        machine = stack.enter_context(open_machine(simulate, given, timeout=timeout)) if asks_driver else None
        from esnode.views.plan import plan_view
        from esnode.views.progress import progress
        from esnode.wiring.gates import Gates, open_key, read_approved
        from esnode.wiring.planning import Request, plan_for

        view = plan_view(as_json=json, no_color=no_color)
        view.begin()
        gates = Gates(
            rules=rules_of(deny, max_changes, max_watts_delta),
            against=against,
            key=open_key(sign_key, sign_key_password),
        )
        approved = read_approved(against) if against else None
        profiles = read_given(profile_paths) if mode is Mode.NORMAL else ()
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
    saved_to = _place(out, plan) if out else None
    data = save_plan(plan, saved_to) if saved_to else b""
    save_reports(plan, junit=junit, sarif=sarif)
    view.show(plan, saved_to=saved_to)
    if _hold(plan, gates, approved, as_json=json, no_color=no_color):
        return EXIT_PLAN_REFUSED
    if gates.key and saved_to:
        from esnode.views.gates import show_signed

        show_signed(sign_plan(saved_to, data, gates.key), gates.key.key_id, as_json=json)
    return EXIT_CHANGES if detailed_exitcode and plan.has_changes else 0


def run_captures(paths: Sequence[Path], *, mode: Mode, reassert: bool, **asked: Any) -> int:
    """Plan many captures, show what all of them come to, and hold them to their gates. The exit code."""
    from esnode.views.errors import show_error
    from esnode.views.fleet import fleet_view
    from esnode.views.progress import progress
    from esnode.wiring.captures import find_captures
    from esnode.wiring.fleet import plan_fleet
    from esnode.wiring.gates import Gates
    from esnode.wiring.planning import Request

    out, against, as_json = asked["out"], asked["against"], asked["json"]
    if asked["sign_key"]:
        raise BadInvocation(
            "-sign-key signs a plan that can be applied, and the plans of captures are for review",
            next_step="Plan and sign on each machine; -against holds it to what was reviewed here.",
        )
    check_signing(None, asked["sign_key_password"], is_saved=out is not None)
    _check_folders(out, against)
    view = fleet_view(as_json=as_json, no_color=asked["no_color"])
    files = find_captures(paths)
    view.begin(len(files))
    gates = Gates(rules=rules_of(asked["deny"], asked["max_changes"], asked["max_watts_delta"]), against=against)
    request = Request(
        facts=facts(asked["node_path"], tags=asked["tags"], labels=asked["labels"], is_this_machine=False),
        profiles=read_given(asked["profile_paths"]) if mode is Mode.NORMAL else (),
        mode=mode,
        reassert=reassert,
        capture=None,
        simulate=None,
        **{name: asked[name] for name in _PLANNING},
    )
    folder = out.path if out else None
    with progress(f"Planning {len(files)} captures", as_json=as_json):
        outcome = plan_fleet(files, request, gates, folder, view)
    view.end(folder)
    for refusal in outcome.refusals:
        show_error(refusal, as_json=as_json)
    if outcome.failed:
        return EXIT_ERROR
    if outcome.refusals:
        return EXIT_PLAN_REFUSED
    return EXIT_CHANGES if asked["detailed_exitcode"] and outcome.has_changes else 0


def _check_folders(out: Out | None, against: Path | None) -> None:
    """Many plans have many files."""
    if out and not out.is_folder and not out.path.is_dir() and (out.path.exists() or out.path.suffix):
        raise BadInvocation(
            f"-out {out.path} names a file, and there are several captures, each with its own plan",
            next_step=f"Name a folder: -out {out.path.with_suffix('')}/",
        )
    if against and not against.is_dir():
        raise BadInvocation(
            f"-against {against} is not a folder, and there are several captures, each with its own plan",
            next_step=f"Name a folder with one approved NODE{ENDING} each, as -out saves them.",
        )


def _place(out: Out, plan: Plan) -> Path:
    if not (out.is_folder or out.path.is_dir()):
        return out.path
    make_folder(out.path)
    return out.path / f"{plan.node.identity.hostname}{ENDING}"


def _hold(plan: Plan, gates: Gates, approved: Approved | None, *, as_json: bool, no_color: bool) -> list[EsnodeError]:
    """Hold a plan that was shown to its gates, and show which refuse it."""
    from esnode.engine.gates import check_rules
    from esnode.views.errors import show_error
    from esnode.wiring.gates import decides_the_same, differences_from, unexpected

    refusals: list[EsnodeError] = []
    if approved:
        from esnode.views.gates import show_against

        same, differences = decides_the_same(approved, plan), differences_from(approved, plan)
        show_against(differences, approved.path, is_same=same, as_json=as_json, no_color=no_color)
        refusals += [] if same else [unexpected(approved, plan)]
    try:
        check_rules(plan, gates.rules)
    except PlanDenied as denied:
        refusals.append(denied)
    for refusal in refusals:
        show_error(refusal, as_json=as_json)
    return refusals
