"""What a plan's parts say of each other: everything is looked up by name later, so every name must be there."""

from __future__ import annotations

from esnode.errors import BadValue
from esnode.model.plan import Change, Plan, ResourceType
from esnode.model.settings import SETTINGS


def check_references(plan: Plan) -> None:
    """Raise BadValue when a part of the plan names a GPU or a setting that is not there, or a change half of one."""
    if plan.timestamp.tzinfo is None or plan.expires_at.tzinfo is None:
        raise BadValue("its times have no zone")
    gpus = {gpu.identity.uuid for gpu in plan.gpus}
    _known("selections name the GPU", {item.gpu for item in plan.selections}, gpus)
    _known("verdicts name the GPU", {item.gpu for item in plan.verdicts}, gpus)
    effects = {item.effect.setting for item in plan.verdicts if item.effect}
    _known("verdicts name the setting", effects, set(SETTINGS))
    _known("drift names the GPU", {item.gpu.uuid for item in plan.drift}, gpus)
    _known("drift names the setting", {name for item in plan.drift for name in item.before}, set(SETTINGS))
    for drift in plan.drift:
        _known(f"{drift.address} has an observed value of", set(drift.after), set(drift.before))
        _known(f"{drift.address} has an applied value of", set(drift.before), set(drift.after))
    for change in plan.changes:
        if change.type is ResourceType.GPU:
            _check_gpu_change(change, gpus)
        else:
            _check_action(change, gpus)


def _check_gpu_change(change: Change, gpus: set[str]) -> None:
    if change.gpu is None or change.session is None:
        raise BadValue(f"{change.address} says nothing of its GPU")
    _known(f"{change.address} is a change of", {change.gpu.uuid}, gpus)
    _known(f"{change.address} changes", set(change.after), set(SETTINGS))
    _known(f"{change.address} has no value before of", set(change.after), set(change.before))
    _known(f"{change.address} has no value after of", set(change.before), set(change.after))
    _known(f"{change.address} forgets", set(change.forget), set(SETTINGS))
    _known(f"{change.address} holds", {step.setting for step in change.holds}, set(SETTINGS))


def _check_action(change: Change, gpus: set[str]) -> None:
    """A process is identified, an alert is of one policy on one GPU, a node was seen."""
    match change.type:
        case ResourceType.PROCESS:
            numbers = [change.before.get(name) for name in ("pid", "started", "grace_period_seconds")]
            if not all(isinstance(number, float | int) and not isinstance(number, bool) for number in numbers):
                raise BadValue(f"{change.address} does not say which process it is")
        case ResourceType.NODE:
            if not isinstance(change.before.get("cordoned"), bool):
                raise BadValue(f"{change.address} does not say how the node was")
    named = {step.gpu for step in change.holds if step.gpu} | ({change.gpu.uuid} if change.gpu else set())
    _known(f"{change.address} is a change of", named, gpus)
    if change.type is not ResourceType.NODE and (change.gpu is None or len(change.holds) != 1 or not change.because):
        raise BadValue(f"{change.address} is not of one policy on one GPU")


def _known(what: str, named: set[str], known: set[str]) -> None:
    unknown = sorted(named - known)
    if unknown:
        raise BadValue(f"{what} {unknown[0]}, which is not there")
