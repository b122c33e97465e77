"""How an alert sent, a process ended or a node drained becomes a record: opened before, closed after.

Pure functions of State. The serial is raised where a changed state is saved, not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from esnode.engine.record import take_step, with_record, without
from esnode.model.hardware import GpuIdentity, Moment
from esnode.model.plan import Change, HoldStep, Operation, ResourceType, Step
from esnode.model.settings import SettingValue
from esnode.model.state import CordonedNode, Errand, ManagedGpu, State
from esnode.model.writes import Done
from esnode.records import replace

NODE = ResourceType.NODE.value


def make_errand(change: Change, state: State, now: Moment) -> Errand:
    """The errand, for the next state that is saved."""
    return Errand(
        operation="apply",
        address=change.address,
        type=change.type,
        actions=change.actions,
        gpu=change.gpu.uuid if change.gpu else "",
        before=change.before,
        after=change.after,
        holds=change.holds,
        opened_at=now,
        state_serial=state.serial + 1,
    )


def open_errands(state: State, errands: Iterable[Errand]) -> State:
    """The state with these errands in flight: saved before the first of them begins."""
    opened = {errand.address: errand for errand in errands}
    return replace(state, managed=replace(state.managed, errands={**state.managed.errands, **opened}))


def drop_errand(state: State, address: str) -> State:
    """The state after an errand that changed nothing."""
    return replace(state, managed=replace(state.managed, errands=without(state.managed.errands, address)))


def close_errand(state: State, change: Change, done: Done, gpus: Mapping[str, GpuIdentity], now: Moment) -> State:
    """The state after an errand, by what was found afterwards. `gpus` says whose holds a node's change moves."""
    state = drop_errand(state, change.address)
    if change.type is ResourceType.NODE:
        return _close_node(state, change, done, gpus, now)
    return state if done.error else take_steps(state, change, gpus, now)


def take_steps(state: State, change: Change | Errand, gpus: Mapping[str, GpuIdentity], now: Moment) -> State:
    """The state with every hold that the change begins, moves or ends."""
    for uuid, step in steps_by_gpu(change):
        state = _take(state, uuid, step, gpus, now)
    return state


def steps_by_gpu(change: Change | Errand) -> list[tuple[str, HoldStep]]:
    """Each step with the GPU that it is about: the change's own or, of a node's change, the one it names."""
    own = change.gpu if isinstance(change, Errand) else change.gpu.uuid if change.gpu else ""
    return [(step.gpu or own, step) for step in change.holds]


def leave_unsent(state: State, errand: Errand, identity: GpuIdentity, now: Moment) -> State:
    """The state after an alert that may or may not have been sent: it counts as firing, to be sent once more."""
    for step in errand.holds:
        if step.step is Step.END:
            continue
        record = take_step(state.managed.gpus.get(errand.gpu) or ManagedGpu(identity=identity), step, now)
        holds = {**record.holds, step.key: replace(record.holds[step.key], certain=False)}
        state = with_record(state, errand.gpu, replace(record, holds=holds))
    return drop_errand(state, errand.address)


def _take(state: State, uuid: str, step: HoldStep, gpus: Mapping[str, GpuIdentity], now: Moment) -> State:
    record = state.managed.gpus.get(uuid)
    if record is None and uuid not in gpus:
        return state
    return with_record(state, uuid, take_step(record or ManagedGpu(identity=gpus[uuid]), step, now))


def _close_node(state: State, change: Change, done: Done, gpus: Mapping[str, GpuIdentity], now: Moment) -> State:
    """A drain that was begun is recorded although pods are left: the node is cordoned, and somebody must undo that."""
    if change.actions == (Operation.DELETE,):
        if done.error is None:
            return take_steps(with_node(state, None), change, gpus, now)
        return state
    conditions = names(done.read_back.get("conditions"))
    cordoned = bool(done.read_back.get("cordoned"))
    if not (conditions or cordoned):
        return state
    before = state.managed.node
    ours = (before.cordoned if before else False) or (cordoned and not change.before.get("cordoned"))
    node = CordonedNode(
        name=node_name(change.address),
        cordoned=ours,
        # What could not be undone stays ours to undo.
        conditions=tuple(sorted({*conditions, *(before.conditions if before and done.error else ())})),
        since=before.since if before else now,
    )
    return take_steps(with_node(state, node), change, gpus, now)


def with_node(state: State, node: CordonedNode | None) -> State:
    return replace(state, managed=replace(state.managed, node=node))


def names(value: SettingValue) -> tuple[str, ...]:
    """A list of names as a change's value holds it: with commas between."""
    return tuple(name for name in str(value or "").split(",") if name)


def node_name(address: str) -> str:
    return address.partition('["')[2].removesuffix('"]')
