"""What a plan and its apply came to, as a story's run keeps it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from esnode.errors import PlanRefused
from esnode.model.plan import Because, Cause, Change, Plan, ResourceType
from esnode.model.report import ApplyReport, StepOutcome
from esnode.model.settings import SETTINGS, SettingValue
from esnode.model.state import hold_key
from esnode.model.story import NOT_SELECTED
from esnode.model.story_run import Deed, Stood
from esnode.model.verdict import Match

PLAN = "plan"
"""What a deed is of that is a whole plan: one that was refused."""


def stood(plan: Plan, indexes: Mapping[str, int]) -> tuple[Stood, ...]:
    """How every policy stood on every GPU, those of profiles that are not for it, too. `indexes` are by UUID."""
    judged = [
        Stood(
            profile=verdict.profile,
            policy=verdict.policy,
            gpu=indexes[verdict.gpu],
            status=verdict.status.value,
            reason=verdict.reason,
        )
        for verdict in plan.verdicts
    ]
    profiles = {profile.name: profile for profile in plan.profiles}
    others = [
        Stood(
            profile=selection.profile,
            policy=policy.name,
            gpu=indexes[selection.gpu],
            status=NOT_SELECTED,
            reason="; ".join(selection.reasons) + ".",
        )
        for selection in plan.selections
        if selection.match is Match.NOT_SELECTED
        for policy in profiles[selection.profile].policies
    ]
    return (*judged, *others)


def deeds(plan: Plan, report: ApplyReport, at: float) -> tuple[Deed, ...]:
    """Everything that an apply was to do, with what became of it."""
    steps = {(step.address, step.setting): step for step in report.steps}
    return tuple(deed for change in plan.changes for deed in _of_change(change, steps, at))


def refusal(plan: Plan, refused: PlanRefused, at: float) -> Deed:
    """A plan that was not applied."""
    keys = tuple(dict.fromkeys(key for change in plan.changes for key in _keys(change, "")))
    return Deed(
        at=at, subject=PLAN, gpu=None, action="apply", cause=Cause.POLICY, keys=keys, error=refused.summary.rstrip(".")
    )


def _of_change(change: Change, steps: Mapping[tuple[str, str], StepOutcome], at: float) -> Iterator[Deed]:
    gpu = change.gpu.index if change.gpu else None
    action = change.actions[0].value
    if change.type is not ResourceType.GPU:
        step = steps.get((change.address, change.type.value))
        because = next(iter(change.because.values()), None)
        yield Deed(
            at=at,
            subject=change.type.value,
            gpu=gpu,
            action=action,
            cause=change.reason,
            keys=_keys(change, ""),
            name=_name(change),
            reason=because.reason if because else "",
            error=_error(step, is_tried=action != "forget"),
        )
        return
    for setting in change.after:
        step = steps.get((change.address, setting))
        yield Deed(
            at=at,
            subject=setting,
            gpu=gpu,
            action=action,
            cause=_because(change, setting).cause if setting in change.because else change.reason,
            before=change.before[setting],
            after=change.after[setting],
            keys=_keys(change, setting),
            reason=_because(change, setting).reason if setting in change.because else "",
            error=_error(step, is_tried=bool(change.settings)),
            is_write=step is not None,
        )


def _because(change: Change, setting: str) -> Because:
    return change.because[setting]


def _error(step: StepOutcome | None, *, is_tried: bool) -> str:
    if step is None:
        return "it was not begun, because what comes before it failed" if is_tried else ""
    return step.error


def _keys(change: Change, setting: str) -> tuple[str, ...]:
    """The policies that a change, or one setting of it, is for."""
    named = [
        hold_key(why.profile, why.policy)
        for name, why in change.because.items()
        if why.policy and setting in ("", name)
    ]
    held = [step.key for step in change.holds if setting in ("", step.setting) or step.setting not in SETTINGS]
    return tuple(dict.fromkeys([*named, *held]))


def _name(change: Change) -> str:
    """The process, the alert's channel, the node's conditions."""
    values: Mapping[str, SettingValue] = {**change.before, **change.after}
    return next((str(values[key]) for key in ("name", "channel", "conditions") if values.get(key)), "")
