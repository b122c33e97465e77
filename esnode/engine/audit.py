"""What goes into the audit log: one entry for each action, made from what was found and not from what was hoped for."""

from __future__ import annotations

from esnode.engine.recover import Decision
from esnode.model.audit import AuditEntry, AuditResult
from esnode.model.hardware import Moment, Observation, Origin
from esnode.model.plan import Because, Change, Operation, Plan, ResourceType
from esnode.model.report import Result, StepOutcome
from esnode.model.state import Errand, Intent, State
from esnode.records import dataclass, replace

RECOVER = "recover"
"""The operation of whoever finds out what became of a run that died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who executes a plan, and as what. `operation` is the command, `digest` what the plan is called by."""

    operation: str
    user: str
    plan: Plan
    digest: str
    lineage: str


def entry_of_step(act: Act, change: Change, outcome: StepOutcome, *, state_serial: int, now: Moment) -> AuditEntry:
    """What one step of a change came to."""
    entry = _entry(act, change, change.because.get(outcome.setting), state_serial=state_serial, now=now)
    entry = replace(
        entry,
        setting=outcome.setting,
        read_back=outcome.read_back,
        result=_result(outcome),
        note=outcome.error or outcome.note,
    )
    if change.type is not ResourceType.GPU:
        return entry
    return replace(entry, before={outcome.setting: outcome.before}, after={outcome.setting: outcome.after})


def entry_of_record(act: Act, change: Change, *, state_serial: int, now: Moment) -> AuditEntry:
    """A change of the record alone, such as accepted drift: no hardware was touched."""
    return replace(_entry(act, change, None, state_serial=state_serial, now=now), note="only the record was changed")


def _entry(act: Act, change: Change, because: Because | None, *, state_serial: int, now: Moment) -> AuditEntry:
    why = because or next(iter(change.because.values()), None)
    return AuditEntry(
        at=now.at,
        state_serial=state_serial,
        operation=act.operation,
        user=act.user,
        host=act.plan.node.identity.hostname,
        lineage=act.lineage,
        address=change.address,
        type=change.type,
        actions=change.actions,
        setting=change.type.value,
        before=change.before,
        after=change.after,
        plan_digest=act.digest,
        profile=why.profile if why else "",
        policy=why.policy if why else "",
        reason=why.reason if why else "",
        is_simulated=act.plan.origin is Origin.SIMULATED,
    )


def entry_of_decision(decision: Decision, state: State, observation: Observation, user: str) -> AuditEntry | None:
    """What became of an action whose run died, found by `user`; None while nobody can tell."""
    if decision.result is None:
        return None
    entry = decision.entry
    whole = replace(_of_intent(entry) if isinstance(entry, Intent) else _of_errand(entry, user), lineage=state.lineage)
    return replace(
        whole,
        at=observation.taken_at.at,
        host=observation.node.identity.hostname,
        read_back=decision.read_back,
        result=decision.result,
        note=decision.sentence,
        is_simulated=observation.origin is Origin.SIMULATED,
    )


def _of_intent(intent: Intent) -> AuditEntry:
    return AuditEntry(
        at=intent.opened_at.at,
        state_serial=intent.state_serial,
        operation=RECOVER,
        user=intent.owner.user,
        host="",
        lineage="",
        address=intent.address,
        type=ResourceType.GPU,
        actions=(Operation.UPDATE,),
        setting=intent.setting,
        before={intent.setting: intent.before},
        after={intent.setting: intent.after},
        recovered=True,
        profile=intent.owner.profile,
        policy=intent.owner.policy,
    )


def _of_errand(errand: Errand, user: str) -> AuditEntry:
    step = next(iter(errand.holds), None)
    return AuditEntry(
        at=errand.opened_at.at,
        state_serial=errand.state_serial,
        operation=RECOVER,
        user=user,
        host="",
        lineage="",
        address=errand.address,
        type=errand.type,
        actions=errand.actions,
        setting=errand.type.value,
        before=errand.before,
        after=errand.after,
        recovered=True,
        profile=step.profile if step else "",
        policy=step.policy if step else "",
    )


def _result(outcome: StepOutcome) -> AuditResult:
    if outcome.is_undecided:
        return AuditResult.UNDECIDED
    return AuditResult.APPLIED if outcome.result is Result.APPLIED else AuditResult.FAILED
