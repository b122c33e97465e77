"""One GPU, one state: what another state file's claim means to a plan, and how a GPU is taken over from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esnode.diagnostics import Diagnostic, warning
from esnode.errors import GpuClaimed
from esnode.model.claims import ForeignClaim, Standing
from esnode.model.hardware import GpuIdentity
from esnode.model.plan import Plan
from esnode.model.readings import Reading
from esnode.model.settings import ReadableValue
from esnode.model.state import ManagedGpu, State
from esnode.records import dataclass, replace

Foreign = Mapping[str, ForeignClaim]
"""The claims of other lineages by GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """The state with the baselines that other states knew, and a note on each claim that is moved."""

    state: State
    notes: tuple[Diagnostic, ...]


def changed_gpus(plan: Plan) -> dict[str, GpuIdentity]:
    """The GPUs that the plan writes to."""
    return {change.gpu.uuid: change.gpu for change in plan.changes if change.gpu and change.settings}


def concerned(plan: Plan, state: State) -> dict[str, GpuIdentity]:
    """The GPUs whose claims matter: those that the plan changes and those that the state manages."""
    managed = {uuid: record.identity for uuid, record in state.managed.gpus.items() if record.is_written}
    return {**managed, **changed_gpus(plan)}


def claim_warnings(plan: Plan, state: State, foreign: Foreign) -> tuple[Diagnostic, ...]:
    """What a reviewer should know of the claims of other state files."""
    gpus = concerned(plan, state)
    return tuple(_warning(gpus[uuid], foreign[uuid]) for uuid in _ordered(gpus) if uuid in foreign)


def check_claims(plan: Plan, foreign: Foreign, *, take_over: bool) -> None:
    """Raise GpuClaimed when the plan changes a GPU that another state answers for.

    A claim whose state no longer manages the GPU refuses nothing. With `take_over` only a state that is there and
    cannot be read does: its baselines would be lost.
    """
    gpus = changed_gpus(plan)
    for uuid in _ordered(gpus):
        found = foreign.get(uuid)
        if found is None or found.standing is Standing.NOT_MANAGED:
            continue
        if found.standing is Standing.UNREADABLE and take_over:
            raise GpuClaimed(
                f"{gpus[uuid].label} cannot be taken over from {found.claim.state}: its baselines cannot be read",
                detail=f"{found.problem}.",
                next_step=f"Mend that state first (esnode state restore -state={found.claim.state} ...), or remove it.",
            )
        if not take_over:
            raise _claimed(gpus[uuid], found)


def take_over(plan: Plan, state: State, foreign: Foreign) -> TakenOver:
    """The state ready to begin with the GPUs of the plan.

    Baselines of a former take-over that was never followed by a change are dropped: they may be out of date.
    """
    records = {uuid: _without_leftovers(record) for uuid, record in state.managed.gpus.items()}
    gpus, notes = changed_gpus(plan), []
    for uuid in _ordered(gpus):
        found = foreign.get(uuid)
        if found is None:
            continue
        notes.append(_note(gpus[uuid], found))
        if found.record and found.standing is Standing.VALID:
            record = records.get(uuid) or ManagedGpu(identity=gpus[uuid])
            records[uuid] = replace(record, inherited=_baselines(found.record))
    records = {uuid: record for uuid, record in records.items() if record.inherited or not record.is_empty}
    return TakenOver(state=replace(state, managed=replace(state.managed, gpus=records)), notes=tuple(notes))


def _ordered(gpus: Mapping[str, GpuIdentity]) -> Sequence[str]:
    return sorted(gpus, key=lambda uuid: (gpus[uuid].index, uuid))


def _without_leftovers(record: ManagedGpu) -> ManagedGpu:
    return record if record.is_managed else replace(record, inherited={})


def _baselines(record: ManagedGpu) -> dict[str, Reading[ReadableValue]]:
    """The baselines as that state knows them; what it inherited itself counts where it has none of its own."""
    return {**record.inherited, **{name: managed.baseline for name, managed in record.settings.items()}}


def _claimed(gpu: GpuIdentity, found: ForeignClaim) -> GpuClaimed:
    return GpuClaimed(
        f"{gpu.label} is managed by another state, {found.claim.state}",
        detail=_in_words(found),
        next_step="Use that state with -state PATH, or move the GPU to this one: esnode apply -take-over PLAN. "
        "To leave it to the other: esnode state rm.",
    )


def _warning(gpu: GpuIdentity, found: ForeignClaim) -> Diagnostic:
    if found.standing is Standing.NOT_MANAGED:
        return warning(
            f"{gpu.label} has a stale claim of {found.claim.state}", _in_words(found) + " Apply replaces it."
        )
    return warning(
        f"{gpu.label} is managed by another state, {found.claim.state}",
        f"{_in_words(found)} Apply refuses to change this GPU unless it is told to -take-over.",
    )


def _note(gpu: GpuIdentity, found: ForeignClaim) -> Diagnostic:
    if found.standing is Standing.NOT_MANAGED:
        return warning(f"The stale claim of {found.claim.state} on {gpu.label} was replaced", _in_words(found))
    if found.standing is Standing.STATE_GONE:
        return warning(
            f"{gpu.label} was taken over from {found.claim.state}, which is gone",
            "What its settings were before that state is not known any more: what they are now counts as baseline.",
        )
    names = ", ".join(sorted(_baselines(found.record))) if found.record else ""
    return warning(
        f"{gpu.label} was taken over from {found.claim.state}",
        f"Baselines copied: {names or 'none'}. That state still lists the GPU until: "
        f"esnode state rm -state={found.claim.state} 'gpu[\"{gpu.uuid}\"]'.",
    )


def _in_words(found: ForeignClaim) -> str:
    match found.standing:
        case Standing.VALID:
            return f"Its lineage is {found.claim.lineage}{found.problem and '; '}{found.problem}."
        case Standing.STATE_GONE:
            return f"That state is gone{found.problem and ': '}{found.problem}. Its baselines cannot be copied."
        case Standing.NOT_MANAGED:
            return "That state file no longer manages this GPU."
        case Standing.UNREADABLE:
            return f"That state file cannot be read: {found.problem}."
