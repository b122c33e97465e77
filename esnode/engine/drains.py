"""The machine as a Kubernetes node: its conditions, its cordon, and the pods that hold GPUs.

Every policy on every GPU that wants a drain is a holder. While there is one, the node should have the holders'
conditions, be cordoned, and have no pod that holds a GPU; what it has instead is the change. When the last holder
is released, the conditions go and the node is uncordoned, if it was esnode that cordoned it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from esnode.diagnostics import warning
from esnode.engine.because import ending
from esnode.engine.conflicts import deferred_drains
from esnode.engine.sites import Actions, Ground, Site, because_of, step_of
from esnode.engine.stand import Stand
from esnode.model.cluster import ClusterNode
from esnode.model.plan import Because, Cause, Change, HoldStep, Operation, ResourceType, Step, node_address
from esnode.model.profile import MigratePod
from esnode.model.readings import Missing
from esnode.model.verdict import Status
from esnode.records import dataclass, field, replace

NODE = ResourceType.NODE.value
DRAIN = "drain"
"""Stands in `because` for the eviction itself."""


@dataclass(slots=True)
class _Holders:
    """Who wants the drain, and what changes about that in this plan."""

    conditions: list[str] = field(default_factory=list)
    steps: list[HoldStep] = field(default_factory=list)
    because: dict[str, Because] = field(default_factory=dict)


def plan_drains(ground: Ground) -> Actions:
    """The one change of the node, if anything of it is to be changed."""
    remarks = dict(deferred_drains(ground))
    holders = _Holders()
    for site in ground.sites:
        _count(site, ground, holders, remarks)
    if not (holders.conditions or holders.steps or ground.state.managed.node):
        return Actions(remarks=remarks)
    cluster = ground.neighbours.cluster
    if isinstance(cluster, Missing):
        told = warning(
            f"The Kubernetes node could not be read: {cluster.in_words()}",
            "Nothing is done to it: what esnode did there stays as it is.",
        )
        return Actions(remarks=remarks, warnings=(told,), is_complete=False)
    change = _change(holders, cluster, ground)
    notes = tuple(_eviction_notes(cluster)) if change and holders.conditions else ()
    return Actions(changes=(change,) if change else (), remarks=remarks, notes=notes)


def _count(site: Site, ground: Ground, holders: _Holders, remarks: dict[tuple[str, str], str]) -> None:
    for stand in site.stands:
        action = stand.policy.action
        if isinstance(action, MigratePod) and (site.uuid, stand.key) not in remarks:
            _count_stand(site, stand, action, ground, holders, remarks)
    judged = {stand.key for stand in site.stands} | {step.key for step in site.ended}
    for key, hold in site.scope.record.holds.items():
        if hold.setting == NODE and key not in judged:
            # Nobody can tell whether its profile is for this GPU, or this plan is not about it: it stays.
            holders.conditions.append(str(hold.value))
    for step in site.ended:
        if step.setting == NODE:
            reason = ending(step.cause, step.key, "it no longer holds the node")
            holders.steps.append(replace(step, gpu=site.uuid))
            holders.because[f"{step.key}@{site.uuid}"] = Because(
                cause=step.cause, reason=reason, profile=step.profile, policy=step.policy
            )


def _count_stand(
    site: Site,
    stand: Stand,
    action: MigratePod,
    ground: Ground,
    holders: _Holders,
    remarks: dict[tuple[str, str], str],
) -> None:
    status, place = stand.judgement.status, f"{stand.key}@{site.uuid}"
    if stand.hold and status is Status.RELEASING:
        holders.steps.append(_step(site, stand, Step.END, Cause.RELEASED, None))
        holders.because[place] = because_of(stand, Cause.RELEASED)
    elif stand.hold:
        holders.conditions.append(action.node_condition)
        if stand.hold.value != action.node_condition:
            holders.steps.append(_step(site, stand, Step.CHANGE, Cause.POLICY, action.node_condition))
            holders.because[place] = because_of(stand, Cause.POLICY)
    elif status is Status.ACTIVE:
        if ground.is_forbidden(action.type):
            path = ground.node_file.path
            remarks[site.uuid, stand.key] = f"Nothing is done: the node file {path} forbids {action.type} here."
            return
        holders.conditions.append(action.node_condition)
        holders.steps.append(_step(site, stand, Step.START, Cause.POLICY, action.node_condition))
        holders.because[place] = because_of(stand, Cause.POLICY)


def _step(site: Site, stand: Stand, step: Step, cause: Cause, after: str | None) -> HoldStep:
    return replace(step_of(stand, NODE, step, cause, after=after), gpu=site.uuid)


def _change(holders: _Holders, cluster: ClusterNode, ground: Ground) -> Change | None:
    record = ground.state.managed.node
    wanted = sorted(set(holders.conditions))
    ours = sorted({*wanted, *(record.conditions if record else ())})
    standing = [name for name in ours if cluster.conditions.get(name) == "True"]
    if wanted and record and not holders.steps and not _differs(cluster, wanted, standing):
        return None
    operation = Operation.CREATE if record is None else Operation.UPDATE if wanted else Operation.DELETE
    because = dict(holders.because)
    if wanted:
        because[DRAIN] = Because(
            cause=Cause.POLICY if holders.steps or record is None else Cause.DRIFT,
            reason=_drain_reason(cluster, wanted, standing),
        )
    return Change(
        address=node_address(cluster.name),
        type=ResourceType.NODE,
        actions=(operation,),
        before={"cordoned": cluster.is_cordoned, "conditions": ",".join(standing)},
        after={} if operation is Operation.DELETE else {"cordoned": True, "conditions": ",".join(wanted)},
        reason=next(iter(because.values())).cause if because else Cause.RELEASED,
        order=0,
        because=because,
        holds=tuple(holders.steps),
    )


def _differs(cluster: ClusterNode, wanted: Sequence[str], standing: Sequence[str]) -> bool:
    return not cluster.is_cordoned or list(wanted) != list(standing) or bool(cluster.pods)


def _drain_reason(cluster: ClusterNode, wanted: Sequence[str], standing: Sequence[str]) -> str:
    parts = []
    if not cluster.is_cordoned:
        parts.append("it is not cordoned")
    missing = [name for name in wanted if name not in standing]
    if missing:
        parts.append(f"it does not have the condition {', '.join(missing)}")
    if cluster.pods:
        parts.append(f"{len(cluster.pods)} of its pods hold GPUs: {', '.join(map(str, cluster.pods))}")
    return f"{'; '.join(parts).capitalize() or 'It is drained already'}."


def _eviction_notes(cluster: ClusterNode) -> Iterator[str]:
    """What the drain means for pods, and which budget stands in its way."""
    for pod in cluster.pods:
        holds = ", ".join(f"{amount} {name}" for name, amount in sorted(pod.resources.items()))
        if pod.blocked_by:
            yield (
                f"Pod {pod} ({holds}) cannot be evicted now: the disruption budget {pod.blocked_by} allows none. "
                "Apply waits for it up to the drain's time limit, and reports what is left."
            )
        else:
            yield f"Pod {pod} ({holds}) is evicted."
