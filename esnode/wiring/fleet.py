"""Many captures: each its own node and its own plan, side by side on all cores, and every gate over all of them.

A plan is made, saved and forgotten where it was made; what is kept of each is a name, what a summary says of it, and
its share of the sums. They are taken in the order of the files, so that what is said does not depend on the cores.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from esnode.diagnostics import Diagnostic
from esnode.engine.gates import NONE_NAMED, NOTHING_MEASURED, Measure, Named, broken_rules, measure
from esnode.errors import EsnodeError, PlanDenied, PlanningDied, PlanUnexpected
from esnode.garbage import collector_paused
from esnode.model.plan import Plan
from esnode.records import dataclass, replace
from esnode.storage.plans import decision_digest
from esnode.views.fleet import Brief, FleetView
from esnode.wiring.gates import Gates, decides_the_same, read_approved
from esnode.wiring.planning import Request, plan_for
from esnode.wiring.profiles import distrusted
from esnode.wiring.saving import ENDING, make_folder, save_plan, unique_names
from esnode.workers.crew import cores, side_by_side
from esnode.workers.worker import NoAnswer

_WORTH_A_PROCESS: Final = 8
"""Captures: it takes about as long to plan two of them as to begin a process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What planning all captures came to. `refusals` are of gates that the plans together did not pass."""

    failed: int
    has_changes: bool
    refusals: tuple[EsnodeError, ...]


@dataclass(slots=True)
class _Sums:
    measured: Measure = NOTHING_MEASURED
    unexpected: Named = NONE_NAMED
    failed: int = 0
    has_changes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """What is kept of one capture's plan. `problem` says why it is not the approved one, "" when it is."""

    brief: Brief
    digest: str
    measured: Measure
    saved_to: Path | None
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planning:
    """What planning a capture needs beside the capture."""

    request: Request
    gates: Gates
    out: Path | None
    view: FleetView
    warnings: Sequence[Diagnostic]


def plan_fleet(files: Sequence[Path], request: Request, gates: Gates, out: Path | None, view: FleetView) -> Outcome:
    """Plan each file by itself, save it in the folder `out`, tell `view`. One that cannot be planned stops no other.

    Raises FileUnwritable when a plan cannot be saved.
    """
    if out:
        make_folder(out)
    warnings = distrusted(request.profiles, request.facts.node_file)
    planning = _Planning(request=request, gates=gates, out=out, view=view, warnings=warnings)
    named = list(zip(files, unique_names(file.stem for file in files), strict=True))
    sums = _Sums()
    # Half of them may wait for the disk, which a saved plan has reached when it is said to be saved.
    hands = min(cores() * (2 if out else 1), len(named) // _WORTH_A_PROCESS) if cores() > 1 else 1
    with contextlib.closing(side_by_side(partial(_plan, planning, named), len(named), hands=hands)) as answers:
        for (file, name), answer in zip(named, answers, strict=True):
            if isinstance(answer.error, NoAnswer):
                _fail(file, _death(file, answer.error), sums, view)
            elif answer.error:
                raise answer.error
            elif isinstance(answer.value, EsnodeError):
                _fail(file, answer.value, sums, view)
            else:
                _count(name, file, answer.value, gates, sums, view)
    return Outcome(failed=sums.failed, has_changes=sums.has_changes, refusals=tuple(_refusals(sums, gates)))


@collector_paused()
def _plan(planning: _Planning, named: Sequence[tuple[Path, str]], number: int) -> _Node | EsnodeError:
    """Plan one capture and save its plan: what is kept of it, or why it cannot be planned."""
    file, name = named[number]
    try:
        plan = plan_for(replace(planning.request, capture=file))
    except EsnodeError as failure:
        return failure
    plan = replace(plan, diagnostics=(*planning.warnings, *plan.diagnostics))
    saved_to = planning.out / f"{name}{ENDING}" if planning.out else None
    if saved_to:
        save_plan(plan, saved_to)
    against = planning.gates.against
    return _Node(
        brief=planning.view.brief(plan),
        digest=decision_digest(plan),
        measured=measure(plan, planning.gates.rules, node=name),
        saved_to=saved_to,
        problem=_not_as_approved(against / f"{name}{ENDING}", plan) if against else "",
    )


def _death(file: Path, silence: NoAnswer) -> PlanningDied:
    return PlanningDied(
        f"{file} was not planned: {silence}",
        next_step="Signal 9 comes from the kernel when memory runs out (see dmesg), or from a person. Plan it again.",
    )


def _fail(file: Path, failure: EsnodeError, sums: _Sums, view: FleetView) -> None:
    sums.failed += 1
    view.failed(file, failure)


def _count(name: str, file: Path, node: _Node, gates: Gates, sums: _Sums, view: FleetView) -> None:
    view.planned(name, file, node.brief, digest=node.digest, saved_to=node.saved_to)
    sums.measured += node.measured
    sums.has_changes |= node.brief.has_changes
    if gates.against and node.problem:
        view.unexpected(name, gates.against / f"{name}{ENDING}", node.problem)
        sums.unexpected += Named(count=1, first=(name,))


def _not_as_approved(path: Path, plan: Plan) -> str:
    """Why a node's plan is not the approved one, in words; "" when it is."""
    try:
        approved = read_approved(path)
    except EsnodeError as unreadable:
        return unreadable.summary
    return "" if decides_the_same(approved, plan) else f"its decision is not that of {path}"


def _refusals(sums: _Sums, gates: Gates) -> Iterator[EsnodeError]:
    if sums.unexpected.count:
        nodes = "1 node" if sums.unexpected.count == 1 else f"{sums.unexpected.count} nodes"
        yield PlanUnexpected(
            f"The plans of {nodes} do not decide what was approved",
            detail=f"They are not those in {gates.against}:\n{sums.unexpected}",
            next_step="esnode diff APPROVED PLAN shows the difference of two saved plans.",
        )
    broken = broken_rules(sums.measured, gates.rules, subject="This set of plans")
    if broken:
        yield PlanDenied("; ".join(rule.summary for rule in broken), problems=broken)
