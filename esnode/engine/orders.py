"""What actuators are told to do for a change of anything but a GPU's settings. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from esnode import wire
from esnode.engine.errands import names, node_name
from esnode.model.alerts import Notification, Occasion
from esnode.model.cluster import NodeOrder
from esnode.model.hardware import Moment, Origin
from esnode.model.metrics import metric
from esnode.model.plan import Change, HoldStep, Operation, Plan, Step
from esnode.model.profile import Severity
from esnode.model.readings import Missing
from esnode.model.settings import SettingValue
from esnode.model.state import State
from esnode.model.verdict import Verdict
from esnode.model.writes import Termination

LONGEST_MESSAGE = 500


def termination(change: Change) -> Termination:
    """The process that a change ends: exactly the one that was planned."""
    return Termination(
        pid=int(_number(change.before["pid"])),
        started=_number(change.before["started"]),
        name=str(change.before["name"]),
        uuid=change.gpu.uuid if change.gpu else "",
        grace_seconds=_number(change.before["grace_period_seconds"]),
    )


def node_order(change: Change, state: State) -> NodeOrder:
    """What a node's change asks for: its conditions, its cordon, and whether pods are to go."""
    record = state.managed.node
    ours = record.conditions if record else ()
    wanted = names(change.after.get("conditions"))
    is_end = change.actions == (Operation.DELETE,)
    sentences = dict.fromkeys(why.reason for why in change.because.values() if why.policy)
    return NodeOrder(
        node=node_name(change.address),
        conditions={**dict.fromkeys(ours, False), **dict.fromkeys(wanted, True)},
        cordon=None if is_end and not (record and record.cordoned) else not is_end,
        evict=not is_end,
        reason="EsnodePolicy",
        message=" ".join(sentences)[:LONGEST_MESSAGE],
    )


def notifications(change: Change, plan: Plan, digest: str, now: Moment) -> Iterator[Notification]:
    """What is sent for an alert's change. One that goes to another channel is resolved where it was."""
    step = change.holds[0]
    if change.actions == (Operation.DELETE,):
        yield _notification(Occasion.RESOLVED, change, step, step.before, plan, digest, now)
        return
    if step.step is Step.CHANGE and step.before != step.after:
        yield _notification(Occasion.RESOLVED, change, step, step.before, plan, digest, now)
    is_reminder = step.step is Step.CHANGE and step.before == step.after
    occasion = Occasion.REMINDER if is_reminder else Occasion.FIRING
    yield _notification(occasion, change, step, step.after, plan, digest, now)


def _notification(
    occasion: Occasion,
    change: Change,
    step: HoldStep,
    channel: SettingValue,
    plan: Plan,
    digest: str,
    now: Moment,
) -> Notification:
    if change.gpu is None:
        raise ValueError(f"{change.address} has no GPU")
    because = next(iter(change.because.values()))
    verdict = _verdict(change, step, plan)
    since = (step.since or now).at
    return Notification(
        key=wire.digest([change.address, since.isoformat()])[:32],
        occasion=occasion,
        address=change.address,
        channel=str(channel),
        severity=verdict.severity if verdict else Severity(str(change.before.get("severity", Severity.INFO))),
        profile=step.profile,
        policy=step.policy,
        target=verdict.target if verdict else "",
        condition=verdict.limit if verdict else "",
        value=_value(verdict),
        reason=because.reason,
        gpu=change.gpu,
        host=plan.node.identity.hostname,
        since=since,
        sent_at=now.at,
        plan_digest=digest,
        is_simulated=plan.origin is Origin.SIMULATED,
        ended_at=now.at if occasion is Occasion.RESOLVED else None,
    )


def _verdict(change: Change, step: HoldStep, plan: Plan) -> Verdict | None:
    """How the policy stood when the plan was made; none when it is no longer given."""
    uuid = change.gpu.uuid if change.gpu else ""
    place = (uuid, step.profile, step.policy)
    return next((item for item in plan.verdicts if (item.gpu, item.profile, item.policy) == place), None)


def _value(verdict: Verdict | None) -> str:
    if verdict is None or isinstance(verdict.value, Missing):
        return "unknown"
    return metric(verdict.target).show(round(verdict.value, 2))


def _number(value: SettingValue) -> float:
    if isinstance(value, bool) or not isinstance(value, float | int):
        raise ValueError(f"{value!r} is not a number")
    return float(value)
