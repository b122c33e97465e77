"""After a crash: what became of an alert, a kill or a drain that was under way, decided by looking again."""

from __future__ import annotations

from esnode.engine.errands import drop_errand, leave_unsent, names, node_name, take_steps, with_node
from esnode.model.audit import AuditResult
from esnode.model.hardware import GpuIdentity, Observation
from esnode.model.neighbours import Neighbours
from esnode.model.plan import Operation, ResourceType
from esnode.model.readings import Missing
from esnode.model.state import CordonedNode, Errand, State

Decided = tuple[State, str, AuditResult | None]


def decide_errand(state: State, errand: Errand, observation: Observation, neighbours: Neighbours) -> Decided:
    """The state with the errand decided, what became of it in words, and how that is called.

    Where nobody can tell yet it is left open, and None.
    """
    match errand.type:
        case ResourceType.ALERT:
            return _alert(state, errand, observation)
        case ResourceType.PROCESS:
            return _process(state, errand, observation, neighbours)
        case _:
            return _node(state, errand, observation, neighbours)


def _alert(state: State, errand: Errand, observation: Observation) -> Decided:
    """No receiver can be asked, so it is sent again: at least once, under the same key."""
    identity = _identities(state, observation).get(errand.gpu)
    if errand.actions == (Operation.DELETE,) or identity is None:
        dropped = drop_errand(state, errand.address)
        unknown = "may have been resolved; while it counts as firing it is resolved again"
        return dropped, unknown, AuditResult.UNDECIDED
    unsent = leave_unsent(state, errand, identity, observation.taken_at)
    return unsent, "may have been sent; it is sent again, under the same key", AuditResult.UNDECIDED


def _process(state: State, errand: Errand, observation: Observation, neighbours: Neighbours) -> Decided:
    processes = neighbours.on(errand.gpu)
    name = f"{errand.before.get('name')}"
    dropped = drop_errand(state, errand.address)
    rested = take_steps(dropped, errand, _identities(state, observation), observation.taken_at)
    if isinstance(processes, Missing):
        # A policy that rests for a minute does less harm than one that ends the next process at once.
        unknown = f"({name}) may have been ended; the processes could not be read, {processes.in_words()}"
        return rested, unknown, AuditResult.UNDECIDED
    is_alive = any(
        process.pid == errand.before.get("pid")
        and not isinstance(process.host, Missing)
        and process.host.started == errand.before.get("started")
        for process in processes
    )
    if is_alive:
        return dropped, f"({name}) was not ended", AuditResult.FAILED
    return rested, f"({name}) is gone", AuditResult.APPLIED


def _node(state: State, errand: Errand, observation: Observation, neighbours: Neighbours) -> Decided:
    cluster = neighbours.cluster
    if isinstance(cluster, Missing):
        return state, f"cannot be decided: {cluster.in_words()}", None
    identities, now = _identities(state, observation), observation.taken_at
    record = state.managed.node
    ours = {*names(errand.after.get("conditions")), *(record.conditions if record else ())}
    standing = tuple(sorted(name for name in ours if cluster.conditions.get(name) == "True"))
    state = drop_errand(state, errand.address)
    if errand.actions == (Operation.DELETE,):
        if standing or (cluster.is_cordoned and record and record.cordoned):
            return state, "was not given back whole; it is planned again", AuditResult.FAILED
        return take_steps(with_node(state, None), errand, identities, now), "was given back", AuditResult.APPLIED
    is_cordoned_by_us = cluster.is_cordoned and ((record and record.cordoned) or not errand.before.get("cordoned"))
    if not (standing or is_cordoned_by_us):
        return state, "was not touched yet", AuditResult.FAILED
    node = CordonedNode(
        name=node_name(errand.address),
        cordoned=bool(is_cordoned_by_us),
        conditions=standing,
        since=record.since if record else errand.opened_at,
    )
    left = f"pods that hold GPUs: {len(cluster.pods)}"
    begun = take_steps(with_node(state, node), errand, identities, now)
    return begun, f"was begun; it still has {left}", AuditResult.UNDECIDED if cluster.pods else AuditResult.APPLIED


def _identities(state: State, observation: Observation) -> dict[str, GpuIdentity]:
    recorded = {uuid: record.identity for uuid, record in state.managed.gpus.items()}
    return {**recorded, **{gpu.identity.uuid: gpu.identity for gpu in observation.gpus}}
