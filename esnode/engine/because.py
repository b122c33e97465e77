"""Whose will a setting is, in words: what a reviewer reads beside each change."""

from __future__ import annotations

from collections.abc import Sequence

from esnode.engine.base import Base
from esnode.engine.scope import Scope
from esnode.engine.stand import Stand
from esnode.model.plan import Because, Cause, HoldStep, Step
from esnode.model.settings import SETTINGS, SettingValue, restriction
from esnode.model.state import SETTINGS_OWNER, hold_key
from esnode.records import replace

_BASELINE = "the setting goes back to its baseline"

NOBODY = Because(cause=Cause.POLICY, reason="")
"""For a setting that nothing wants and nothing ever wanted."""

_ENDINGS = {
    Cause.RELEASED: "{who} is released; {what}.",
    Cause.POLICY_REMOVED: "{who} is no longer in its profile; {what}.",
    Cause.SETTING_REMOVED: "{who} no longer names it; {what}.",
    Cause.NOT_SELECTED: "{who} is no longer for this GPU; {what}.",
    Cause.PROFILE_REMOVED: "The profile of {who} was not given; {what}.",
    Cause.DESTROY: "Everything that esnode manages is given back.",
    Cause.ROLLBACK: "The last apply, which did it for {who}, is undone; {what}.",
}


def ending(cause: Cause, who: str, what: str = _BASELINE) -> str:
    """Why what `who` wanted is wanted no more, and `what` follows from it."""
    return _ENDINGS[cause].format(who=who, what=what)


def because_of_policy(
    winner: Stand, others: Sequence[tuple[str, SettingValue]], base: Base | None, name: str
) -> Because:
    """The policy whose hold is the lowest. `others` are the holds that asked for more."""
    show = SETTINGS[name].show
    overruled = [f"{key} ({show(value)})" for key, value in others]
    overruled += [f"{base.because.profile}/{SETTINGS_OWNER} ({show(base.value)})"] if base else []
    step = winner.wish.step if winner.wish else None
    return Because(
        cause=Cause.RELEASED if step and step.step is Step.UP else Cause.POLICY,
        reason=join(winner.judgement.reason, winner.wish.note if winner.wish else ""),
        profile=winner.profile.name,
        policy=winner.policy.name,
        line=winner.policy.line,
        condition=f"{winner.policy.target} {winner.policy.condition}",
        severity=winner.policy.severity,
        overruled=tuple(overruled),
    )


def because_of_base(base: Base, others: Sequence[tuple[str, SettingValue]], name: str) -> Because:
    """A settings entry that no hold is lower than."""
    show = SETTINGS[name].show
    overruled = [f"{key} ({show(value)})" for key, value in others if restriction(value) > restriction(base.value)]
    return replace(base.because, overruled=tuple(overruled))


def because_of_unjudged(key: str) -> Because:
    """A hold that stays because nobody can tell whether its profile is for this GPU."""
    profile, _, policy = key.rpartition("/")
    reason = "Nobody can tell whether the profile is for this GPU, so what it holds stays."
    return Because(cause=Cause.POLICY, reason=reason, profile=profile, policy=policy)


def because_nobody(name: str, scope: Scope, stands: Sequence[Stand], steps: Sequence[HoldStep]) -> Because:
    """Nothing wants the setting any more: whose will ended, and why. Empty for what was never wanted."""
    if steps:
        return _because_ended(steps[0], stands)
    managed = scope.record.settings.get(name)
    if managed is None:
        return NOBODY
    owner = managed.owner
    cause = scope.removal_cause(owner.profile, Cause.SETTING_REMOVED)
    reason = ending(cause, str(owner))
    return Because(cause=cause, reason=reason, profile=owner.profile, policy=owner.policy)


def join(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _because_ended(step: HoldStep, stands: Sequence[Stand]) -> Because:
    who = hold_key(step.profile, step.policy)
    stand = next((stand for stand in stands if stand.key == who), None)
    reason = ending(step.cause, who)
    if stand and step.cause is Cause.RELEASED:
        reason = join(stand.judgement.reason, reason)
    line = stand.policy.line if stand else 0
    return Because(cause=step.cause, reason=reason, profile=step.profile, policy=step.policy, line=line)
