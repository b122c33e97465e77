"""What the state manages under one address, as a digest: a plan is stale when it changed since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esnode import wire
from esnode.model.plan import Change, ResourceType
from esnode.model.profile import LockClock, ThrottlePower
from esnode.model.state import ManagedGpu, State
from esnode.records import replace

_SETTING_ACTIONS = (ThrottlePower.type, LockClock.type)


def record_digest(state: State, change: Change) -> str:
    """The digest of what the state manages under the address of `change`, whatever else it does. "" when nothing."""
    record = _RECORDS[change.type](state, change)
    return wire.digest([change.address, wire.plain(record)]) if record else ""


def _gpu(state: State, change: Change) -> ManagedGpu | None:
    record = _of_gpu(state, change)
    if record is None:
        return None
    rests = {key: rest for key, rest in record.rests.items() if rest.action in _SETTING_ACTIONS}
    settled = replace(record, holds=record.setting_holds, rests=rests)
    return None if settled.is_empty else settled


def _alert(state: State, change: Change) -> Any:
    record = _of_gpu(state, change)
    return [record.holds[step.key] for step in change.holds if record and step.key in record.holds]


def _process(state: State, change: Change) -> Any:
    record = _of_gpu(state, change)
    return [record.rests[step.key] for step in change.holds if record and step.key in record.rests]


def _node(state: State, change: Change) -> Any:
    holders = sorted(
        (uuid, key)
        for uuid, record in state.managed.gpus.items()
        for key, hold in record.holds.items()
        if hold.setting == ResourceType.NODE.value
    )
    return [state.managed.node, holders] if state.managed.node or holders else None


def _of_gpu(state: State, change: Change) -> ManagedGpu | None:
    return state.managed.gpus.get(change.gpu.uuid) if change.gpu else None


_RECORDS: Mapping[ResourceType, Any] = {
    ResourceType.GPU: _gpu,
    ResourceType.ALERT: _alert,
    ResourceType.PROCESS: _process,
    ResourceType.NODE: _node,
}
