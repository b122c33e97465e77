"""How every policy stands on one GPU, and which holds nobody stands for any more."""

from __future__ import annotations

from collections.abc import Sequence

from esnode.engine.effects import Wish, setting_of
from esnode.engine.judge import Judgement, clock_key, judge
from esnode.engine.scope import Scope
from esnode.model.plan import Cause, HoldStep, Step
from esnode.model.profile import Policy, Profile
from esnode.model.readings import NOT_READ
from esnode.model.state import Hold, Rest, hold_key
from esnode.model.verdict import Match, Status, Verdict
from esnode.records import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One policy on one GPU: judged, with the hold that it has in force and, once it is known, its wish.

    `clock_key` is where its clock is kept.
    """

    profile: Profile
    policy: Policy
    judgement: Judgement
    hold: Hold | None
    rest: Rest | None
    clock_key: str
    wish: Wish | None = None

    @property
    def key(self) -> str:
        return hold_key(self.profile.name, self.policy.name)

    @property
    def setting(self) -> str | None:
        return setting_of(self.policy)


def take_stands(scope: Scope) -> list[Stand]:
    """Every policy of the profiles that are for this GPU. A hold of another action type is not the policy's."""
    stands = []
    for rule in scope.rules:
        if rule.match is not Match.SELECTED:
            continue
        for policy in rule.profile.policies:
            key = hold_key(rule.profile.name, policy.name)
            hold, rest = scope.record.holds.get(key), scope.record.rests.get(key)
            hold = hold if hold and hold.action == policy.action.type else None
            rest = rest if rest and rest.action == policy.action.type else None
            kept_at = clock_key(rule.profile.name, policy, scope.gpu.identity.uuid)
            clock = scope.clocks.get(kept_at)
            judgement = judge(policy, scope.gpu, now=scope.now, clock=clock, hold=hold, rest=rest)
            stands.append(
                Stand(
                    profile=rule.profile,
                    policy=policy,
                    judgement=judgement,
                    hold=hold,
                    rest=rest,
                    clock_key=kept_at,
                )
            )
    return stands


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
    return Verdict(
        profile=stand.profile.name,
        policy=stand.policy.name,
        gpu=scope.gpu.identity.uuid,
        target=stand.policy.target,
        action=stand.policy.action.type,
        severity=stand.policy.severity,
        status=stand.judgement.status,
        value=stand.judgement.value,
        limit=str(stand.policy.condition),
        reason=stand.judgement.reason,
        line=stand.policy.line,
    )


def undecided_verdicts(scope: Scope) -> list[Verdict]:
    """The policies of profiles of which nobody can tell whether they are for this GPU."""
    missing = scope.gpu.failure or replace(NOT_READ, detail="the selection is unknown")
    return [
        Verdict(
            profile=rule.profile.name,
            policy=policy.name,
            gpu=scope.gpu.identity.uuid,
            target=policy.target,
            action=policy.action.type,
            severity=policy.severity,
            status=Status.UNKNOWN,
            value=missing,
            limit=str(policy.condition),
            reason="; ".join(rule.selection.reasons) + ".",
            line=policy.line,
        )
        for rule in scope.rules
        if rule.match is Match.UNKNOWN
        for policy in rule.profile.policies
    ]
