"""The inverse of the last apply: every setting as it was before, every record as it was before."""

from __future__ import annotations

from collections.abc import Iterator

from esnode.engine.resolve import Desired, Resolution
from esnode.engine.scope import Scope
from esnode.model.plan import Because, Cause, HoldStep, Step
from esnode.model.settings import SETTINGS
from esnode.model.state import AppliedPlan, Hold, ManagedGpu, Undo


def undo(scope: Scope, last: AppliedPlan) -> Resolution:
    """What the last apply changed on one GPU, back to what it was. Empty for a GPU that it left alone."""
    undone = last.gpus.get(scope.gpu.identity.uuid)
    if undone is None:
        return Resolution()
    before = undone.record or ManagedGpu(identity=scope.gpu.identity)
    steps = list(_hold_steps(scope.record, before))
    concerned = {*undone.before, *(step.setting for step in steps)}
    return Resolution(
        desired=tuple(_desired(name, scope, undone, before, steps, last) for name in SETTINGS if name in concerned),
        # What was sent or drained is taken back; what had ended, no rollback begins again.
        ended=tuple(step for step in steps if step.setting not in SETTINGS and step.step is Step.END),
    )


def _desired(
    name: str, scope: Scope, undone: Undo, before: ManagedGpu, steps: list[HoldStep], last: AppliedPlan
) -> Desired:
    present = scope.present(name)
    recorded = scope.record.settings.get(name)
    fallback = recorded.applied if recorded else None
    return Desired(
        setting=name,
        present=present,
        value=undone.before.get(name, fallback),
        because=_because(name, before, last),
        steps=tuple(step for step in steps if step.setting == name),
        forget=recorded is not None and name not in before.settings,
    )


def _because(name: str, before: ManagedGpu, last: AppliedPlan) -> Because:
    """The setting belongs again to whom it belonged before."""
    when = last.applied_at.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    reason = f"Undoes the apply of {when} by {last.user}."
    managed = before.settings.get(name)
    if managed is None:
        return Because(cause=Cause.ROLLBACK, reason=reason)
    return Because(cause=Cause.ROLLBACK, reason=reason, profile=managed.owner.profile, policy=managed.owner.policy)


def _hold_steps(now: ManagedGpu, before: ManagedGpu) -> Iterator[HoldStep]:
    for key in sorted({*now.holds, *before.holds}):
        held, was = now.holds.get(key), before.holds.get(key)
        if held == was:
            continue
        if was is None and held is not None:
            yield _step(key, held, held, None, Step.END)
        elif was is not None:
            yield _step(key, was, held, was, Step.CHANGE if held else Step.START)


def _step(key: str, of: Hold, held: Hold | None, after: Hold | None, step: Step) -> HoldStep:
    profile, _, policy = key.rpartition("/")
    return HoldStep(
        profile=profile,
        policy=policy,
        action=of.action,
        setting=of.setting,
        step=step,
        cause=Cause.ROLLBACK,
        before=held.value if held else None,
        after=after.value if after else None,
        raise_wait=of.raise_wait,
        required_seconds=of.required_seconds,
    )
