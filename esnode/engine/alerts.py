"""Alerts as resources: sent when their policy is ACTIVE, reminded of, resolved when it is released."""

from __future__ import annotations

from collections.abc import Iterator

from esnode.diagnostics import Diagnostic, warning
from esnode.engine.because import ending
from esnode.engine.criterion import Criterion
from esnode.engine.sites import Actions, Ground, Site, because_of, step_of
from esnode.engine.stand import Stand
from esnode.model.plan import (
    Because,
    Cause,
    Change,
    HoldStep,
    Mode,
    Operation,
    ResourceType,
    Step,
    alert_address,
)
from esnode.model.profile import Alert, Severity
from esnode.model.settings import SettingValue
from esnode.model.state import Hold
from esnode.model.verdict import Status
from esnode.units import format_duration

ALERT = ResourceType.ALERT.value


def plan_alerts(ground: Ground, mode: Mode) -> Actions:
    """A change for each alert that is to be sent, sent again, reminded of or resolved."""
    changes = [change for site in ground.sites for change in _of_site(site, ground)]
    warnings = tuple(_channel_warnings(ground)) if mode is Mode.NORMAL else ()
    return Actions(changes=tuple(changes), warnings=warnings)


def _of_site(site: Site, ground: Ground) -> Iterator[Change]:
    for stand in site.stands:
        if isinstance(stand.policy.action, Alert):
            change = _of_policy(site, stand, stand.policy.action, ground)
            if change:
                yield change
    for step in site.ended:
        if step.setting == ALERT:
            yield _ended(site, step, ground)


def _of_policy(site: Site, stand: Stand, alert: Alert, ground: Ground) -> Change | None:
    status, hold = stand.judgement.status, stand.hold
    if hold is None:
        if status is not Status.ACTIVE or ground.is_forbidden(alert.type):
            return None
        began = stand.judgement.clock.true_since
        step = step_of(stand, ALERT, Step.START, Cause.POLICY, after=alert.channel, since=began)
        return _change(site, stand, Operation.CREATE, step, because_of(stand, Cause.POLICY))
    if status is Status.RELEASING:
        step = step_of(stand, ALERT, Step.END, Cause.RELEASED, after=None)
        return _change(site, stand, Operation.DELETE, step, because_of(stand, Cause.RELEASED))
    why = _sent_again(stand, hold, alert, ground)
    if not why:
        return None
    step = step_of(stand, ALERT, Step.CHANGE, Cause.POLICY, after=alert.channel)
    return _change(site, stand, Operation.UPDATE, step, because_of(stand, Cause.POLICY, why))


def _sent_again(stand: Stand, hold: Hold, alert: Alert, ground: Ground) -> str:
    """Why an alert that is firing is sent again; "" when it is not."""
    if not hold.certain:
        return "An interrupted apply may or may not have sent it; receivers know it by its key."
    if hold.value != alert.channel:
        return f"Its channel was {hold.value} and is {alert.channel} now."
    since = ground.now.seconds_since(hold.last_step_at)
    if alert.repeat_seconds and stand.judgement.status is Status.ACTIVE and since >= alert.repeat_seconds:
        return f"{stand.judgement.reason} Last sent {format_duration(since)} ago."
    return ""


def _change(site: Site, stand: Stand, operation: Operation, step: HoldStep, because: Because) -> Change:
    severity = stand.policy.severity
    return Change(
        address=alert_address(stand.key, site.uuid),
        type=ResourceType.ALERT,
        actions=(operation,),
        before={} if operation is Operation.CREATE else _shown(step.before, severity),
        after={} if operation is Operation.DELETE else _shown(step.after, severity),
        reason=because.cause,
        order=0,
        gpu=site.scope.gpu.identity,
        because={ALERT: because},
        holds=(step,),
    )


def _shown(channel: SettingValue, severity: Severity | None) -> dict[str, SettingValue]:
    return {"channel": channel, **({"severity": severity.value} if severity else {})}


def _ended(site: Site, step: HoldStep, ground: Ground) -> Change:
    """An alert that no policy stands for any more. Where its channel is gone, too, nobody is left to tell."""
    is_reachable = step.before in ground.node_file.channels
    reason = ending(step.cause, step.key, "the alert is resolved")
    if not is_reachable:
        reason += f" Its channel {step.before} is not in the node file, so nobody can be told."
    because = Because(cause=step.cause, reason=reason, profile=step.profile, policy=step.policy)
    return Change(
        address=alert_address(step.key, site.uuid),
        type=ResourceType.ALERT,
        actions=(Operation.DELETE if is_reachable else Operation.FORGET,),
        before=_shown(step.before, None),
        after={},
        reason=step.cause,
        order=0,
        gpu=site.scope.gpu.identity,
        because={ALERT: because},
        holds=(step,),
    )


def _channel_warnings(ground: Ground) -> Iterator[Diagnostic]:
    """A channel that nobody defined, once, with all the policies that name it."""
    named: dict[str, list[Criterion]] = {}
    for criterion in ground.in_force:
        action = criterion.policy.action
        if isinstance(action, Alert) and action.channel not in ground.node_file.channels:
            named.setdefault(action.channel, []).append(criterion)
    where = ground.node_file.path or "a node file (-node FILE)"
    for channel, criteria in sorted(named.items(), key=lambda entry: entry[0]):
        first = criteria[0]
        yield warning(
            f"The channel {channel} of {', '.join(criterion.key for criterion in criteria)} is not defined",
            f"An alert to it fails when it is due. Define it under channels: in {where}.",
            range=first.profile.place_of(first.policy.name, "action"),
        )
