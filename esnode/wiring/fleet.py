"""Many captures, one after the other: each its own node and its own plan, and every gate over all of them.

Only one plan is in memory at a time; what is kept of each is a name and its share of the sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from esnode.engine.gates import NONE_NAMED, NOTHING_MEASURED, Measure, Named, broken_rules, measure
from esnode.errors import EsnodeError, PlanDenied, PlanUnexpected
from esnode.model.plan import Plan
from esnode.records import dataclass, replace
from esnode.storage.plans import decision_digest
from esnode.views.fleet import FleetView
from esnode.wiring.gates import Gates, decides_the_same, read_approved
from esnode.wiring.planning import Request, plan_for
from esnode.wiring.profiles import distrusted
from esnode.wiring.saving import ENDING, make_folder, save_plan, unique_names


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


def plan_fleet(files: Sequence[Path], request: Request, gates: Gates, out: Path | None, view: FleetView) -> Outcome:
    """Plan each file by itself, save it in the folder `out`, tell `view`. One that cannot be planned stops no other.

    Raises FileUnwritable when a plan cannot be saved.
    """
    if out:
        make_folder(out)
    warnings = distrusted(request.profiles, request.facts.node_file)
    sums = _Sums()
    for file, name in zip(files, unique_names(file.stem for file in files), strict=True):
        try:
            plan = plan_for(replace(request, capture=file))
        except EsnodeError as failure:
            sums.failed += 1
            view.failed(file, failure)
            continue
        plan = replace(plan, diagnostics=(*warnings, *plan.diagnostics))
        saved_to = out / f"{name}{ENDING}" if out else None
        if saved_to:
            save_plan(plan, saved_to)
        view.planned(name, file, plan, digest=decision_digest(plan), saved_to=saved_to)
        _hold(name, plan, gates, sums, view)
    return Outcome(failed=sums.failed, has_changes=sums.has_changes, refusals=tuple(_refusals(sums, gates)))


def _hold(name: str, plan: Plan, gates: Gates, sums: _Sums, view: FleetView) -> None:
    sums.measured += measure(plan, gates.rules, node=name)
    sums.has_changes |= plan.has_changes
    if gates.against:
        approved = gates.against / f"{name}{ENDING}"
        problem = _not_as_approved(approved, plan)
        if problem:
            view.unexpected(name, approved, problem)
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
