"""What must still be so before a process is ended or a node drained. Raises PlanRefused; nothing was touched."""

from __future__ import annotations

from collections.abc import Mapping

from esnode.engine.judge import reading_of
from esnode.errors import PlanNotApplyable, StalePlan
from esnode.model.hardware import Observation
from esnode.model.metrics import metric
from esnode.model.neighbours import Neighbours
from esnode.model.node_file import NodeFile
from esnode.model.plan import Cause, Change, HoldStep, Operation, ResourceType
from esnode.model.profile import Alert, KillProcess, MigratePod, Policy
from esnode.model.readings import Missing

_PLAN_AGAIN = "Run esnode plan -out FILE again, review it, and apply that."

_ACTIONS = {
    ResourceType.ALERT: Alert.type,
    ResourceType.PROCESS: KillProcess.type,
    ResourceType.NODE: MigratePod.type,
}

Policies = Mapping[tuple[str, str], Policy]


def check_action(
    change: Change, policies: Policies, observation: Observation, node_file: NodeFile, neighbours: Neighbours
) -> None:
    """The action is allowed here, what it acts on is what was planned, and so is what it rests on."""
    _check_allowed(change, node_file)
    if change.type is ResourceType.PROCESS:
        _check_process(change, neighbours)
    elif change.type is ResourceType.NODE:
        _check_node(change, neighbours)
    for step in change.holds:
        _check_trigger(change, step, policies.get((step.profile, step.policy)), observation)


def _check_allowed(change: Change, node_file: NodeFile) -> None:
    """Taking back what was done is always allowed."""
    action = _ACTIONS[change.type]
    begins = change.type is ResourceType.PROCESS or change.actions == (Operation.CREATE,)
    if begins and action in node_file.forbid:
        raise PlanNotApplyable(
            f"The node file {node_file.path} forbids {action} on this machine, and the plan holds {change.address}",
            next_step="Plan again: the plan then says that it is forbidden.",
        )


def _check_process(change: Change, neighbours: Neighbours) -> None:
    uuid = change.gpu.uuid if change.gpu else ""
    label = change.gpu.label if change.gpu else change.address
    # Whole: six digits of a float are not enough for a number that goes up to 4,194,304.
    pid, name = f"{change.before['pid']:.0f}", change.before["name"]
    processes = neighbours.on(uuid)
    if isinstance(processes, Missing):
        raise StalePlan(f"The processes on {label} cannot be read: {processes.in_words()}", next_step=_PLAN_AGAIN)
    found = next((process for process in processes if f"{process.pid}" == pid), None)
    if found is None:
        raise StalePlan(f"Process {pid} ({name}) is no longer on {label}", next_step=_PLAN_AGAIN)
    if isinstance(found.host, Missing) or found.host.started != change.before["started"]:
        raise StalePlan(
            f"Process {pid} on {label} is not the one that was planned",
            detail=f"The plan means {name}, started at {change.before['start_time']}; its number was given out again.",
            next_step=_PLAN_AGAIN,
        )


def _check_node(change: Change, neighbours: Neighbours) -> None:
    cluster = neighbours.cluster
    if isinstance(cluster, Missing):
        raise StalePlan(f"The Kubernetes node cannot be read: {cluster.in_words()}", next_step=_PLAN_AGAIN)
    if cluster.is_cordoned != change.before["cordoned"]:
        present, planned = ("cordoned", "was not") if cluster.is_cordoned else ("not cordoned any more", "was")
        raise StalePlan(
            f"The node {cluster.name} is {present}, when the plan was made it {planned}",
            detail="Somebody changed it since the plan was made.",
            next_step=_PLAN_AGAIN,
        )


def _check_trigger(change: Change, step: HoldStep, policy: Policy | None, observation: Observation) -> None:
    """A kill and the beginning of a drain rest on their condition; alerts, events and every ending on nothing."""
    if change.type is ResourceType.ALERT or step.cause is not Cause.POLICY:
        return
    uuid = step.gpu or (change.gpu.uuid if change.gpu else "")
    gpu = observation.gpu(uuid)
    if policy is None or gpu is None:
        raise StalePlan(f"{change.address} rests on {step.key} on {uuid}, which is not there", next_step=_PLAN_AGAIN)
    if metric(policy.target).loop_only:
        return
    value = reading_of(metric(policy.target), gpu)
    what = f"policy {step.key} on {gpu.identity.label}"
    if isinstance(value, Missing):
        raise StalePlan(
            f"{policy.target}, on which {what} rests, cannot be read: {value.in_words()}", next_step=_PLAN_AGAIN
        )
    if not policy.condition.is_true(value):
        raise StalePlan(
            f"What {what} acts on is over",
            detail=f"{policy.target} is {value:g}, the condition is {policy.condition}.",
            next_step=_PLAN_AGAIN,
        )
