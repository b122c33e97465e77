"""How every policy stands on one GPU, and which holds nobody stands for any more."""

from __future__ import annotations

from collections.abc import Sequence

from esnode.engine.criterion import Criterion
from esnode.engine.effects import Wish
from esnode.engine.judge import Judgement, judge
from esnode.engine.scope import Scope
from esnode.model.plan import Cause, HoldStep, Step
from esnode.model.profile import Policy, Profile
from esnode.model.readings import NOT_READ, Reading
from esnode.model.state import Hold, ManagedGpu, Rest
from esnode.model.verdict import Match, Status, Verdict
from esnode.records import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One policy on one GPU: judged, with the hold that it has in force and, once it is known, its wish.

    `clock_key` is where its clock is kept.
    """

    criterion: Criterion
    judgement: Judgement
    hold: Hold | None
    rest: Rest | None
    clock_key: str
    wish: Wish | None = None

    @property
    def profile(self) -> Profile:
        return self.criterion.profile

    @property
    def policy(self) -> Policy:
        return self.criterion.policy

    @property
    def key(self) -> str:
        return self.criterion.key

    @property
    def setting(self) -> str | None:
        return self.criterion.setting

    @property
    def is_at_rest(self) -> bool:
        """Whether the policy neither acts, nor is about to, nor holds anything: it wants nothing."""
        return self.hold is None and self.judgement.status not in _WANTING


_WANTING = (Status.PENDING, Status.ACTIVE)


def take_stands(scope: Scope) -> list[Stand]:
    """Every policy of the profiles that are for this GPU. A hold of another action type is not the policy's."""
    gpu, now, clocks, record = scope.gpu, scope.now, scope.clocks, scope.record
    uuid, remembers = gpu.identity.uuid, bool(record.holds or record.rests)
    stands = []
    for rule in scope.rules:
        if rule.selection.match is not Match.SELECTED:
            continue
        for criterion in rule.criteria:
            hold, rest = _remembered(criterion, record) if remembers else (None, None)
            kept_at = criterion.clock_key(uuid)
            judgement = judge(criterion, gpu, now=now, clock=clocks.get(kept_at), hold=hold, rest=rest)
            stands.append(Stand(criterion=criterion, judgement=judgement, hold=hold, rest=rest, clock_key=kept_at))
    return stands


def _remembered(criterion: Criterion, record: ManagedGpu) -> tuple[Hold | None, Rest | None]:
    action = criterion.policy.action.type
    hold, rest = record.holds.get(criterion.key), record.rests.get(criterion.key)
    return hold if hold and hold.action == action else None, rest if rest and rest.action == action else None


def end_holds(scope: Scope, stands: Sequence[Stand]) -> list[HoldStep]:
    """The end of every hold that no given policy stands for. Where the selection is unknown, holds stay."""
    kept = {stand.key for stand in stands if stand.hold}
    steps = []
    for key, hold in sorted(scope.record.holds.items()):
        profile, _, policy = key.rpartition("/")
        if key in kept or scope.is_undecided(profile):
            continue
        steps.append(
            HoldStep(
                profile=profile,
                policy=policy,
                action=hold.action,
                setting=hold.setting,
                step=Step.END,
                cause=scope.removal_cause(profile, Cause.POLICY_REMOVED),
                before=hold.value,
                after=None,
            )
        )
    return steps


def verdict_of(stand: Stand, scope: Scope) -> Verdict:
    """The stand as people see it, before its effect is known."""
    judgement = stand.judgement
    return _verdict(stand.criterion, scope, judgement.status, judgement.value, judgement.reason)


def undecided_verdicts(scope: Scope) -> list[Verdict]:
    """The policies of profiles of which nobody can tell whether they are for this GPU."""
    missing = scope.gpu.failure or replace(NOT_READ, detail="the selection is unknown")
    return [
        _verdict(criterion, scope, Status.UNKNOWN, missing, "; ".join(rule.selection.reasons) + ".")
        for rule in scope.rules
        if rule.match is Match.UNKNOWN
        for criterion in rule.criteria
    ]


def _verdict(criterion: Criterion, scope: Scope, status: Status, value: Reading[float], reason: str) -> Verdict:
    policy = criterion.policy
    return Verdict(
        profile=criterion.profile.name,
        policy=policy.name,
        gpu=scope.gpu.identity.uuid,
        target=policy.target,
        action=policy.action.type,
        severity=policy.severity,
        status=status,
        value=value,
        limit=criterion.limit,
        reason=reason,
        line=policy.line,
    )
