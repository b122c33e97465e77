"""How the state is shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tabulate import tabulate

from esnode import wire
from esnode.model.plan import ResourceType, gpu_address, node_address
from esnode.model.readings import Missing, Reading
from esnode.model.settings import SETTINGS, ReadableValue
from esnode.model.state import CordonedNode, Hold, ManagedGpu, State
from esnode.views.jsonlines import emit, emit_document, emit_version
from esnode.views.printable import printable
from esnode.views.text import counted, write


def show_state(state: State, *, no_color: bool) -> None:
    """Identity, what was last seen, what is managed."""
    write(state_text(state))


def show_addresses(state: State, *, as_json: bool) -> None:
    if as_json:
        emit_version()
    for uuid in _by_index(state):
        address = gpu_address(uuid)
        if as_json:
            emit("resource", address, address=address)
        else:
            write(address)


def show_raw(data: bytes, *, as_json: bool) -> None:
    """The file's own bytes, or its JSON on one line."""
    if as_json:
        emit_document(wire.parse(data))
    else:
        sys.stdout.write(data.decode())


def show_resource(state: State, address: str, *, as_json: bool) -> None:
    uuid = next(uuid for uuid in state.managed.gpus if gpu_address(uuid) == address)
    record = state.managed.gpus[uuid]
    if as_json:
        emit_document(wire.plain(record))
    else:
        write(resource_text(record))


def state_text(state: State) -> str:
    state = printable(state)
    node = state.node
    where = f"{node.hostname} ({node.machine_id})" if node else "no machine yet"
    lines = [f"Lineage {state.lineage}, serial {state.serial}, of {where}."]
    if state.observed:
        seen = state.observed.observation
        taken = seen.taken_at.at.strftime("%Y-%m-%d %H:%M:%S UTC")
        lines.append(f"{counted(len(seen.gpus), 'GPU')} last seen {taken} ({seen.origin}).")
    records = [state.managed.gpus[uuid] for uuid in _by_index(state)]
    if state.managed.node:
        lines.append(node_text(state.managed.node))
    if not records:
        return "\n".join([*lines, "Nothing is managed."])
    lines.append(f"{counted(len(records), 'GPU')} managed:")
    rows = [row for record in records for row in _rows(record)]
    table = tabulate(rows, headers=["GPU", "setting", "applied", "baseline", "for", "by", "applied at"])
    holds = [line for record in records for line in _hold_lines(record)]
    return "\n".join([*lines, "", table, *(["", "Holds:", *holds] if holds else [])])


def node_text(node: CordonedNode) -> str:
    """What esnode did to the Kubernetes node."""
    cordoned = "cordoned by esnode" if node.cordoned else "cordoned by somebody else"
    since = node.since.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        f"{node_address(node.name)} is {cordoned}, with {', '.join(node.conditions) or 'no condition'}, since {since}."
    )


def resource_text(record: ManagedGpu) -> str:
    """One GPU, in Terraform's manner."""
    record = printable(record)
    identity = record.identity
    lines = [f"# {identity.label} ({identity.name}) {gpu_address(identity.uuid)}"]
    for name in _ordered(record):
        managed, setting = record.settings[name], SETTINGS[name]
        lines += [
            f"{name} = {setting.show(managed.applied)}",
            f"    baseline   = {_reading(name, managed.baseline)}",
            f"    owner      = {managed.owner} ({managed.owner.user})",
            f"    applied_at = {managed.applied_at.at.strftime('%Y-%m-%d %H:%M:%S UTC')}",
        ]
    return "\n".join([*lines, *_hold_lines(record)])


def _by_index(state: State) -> list[str]:
    """The GPUs that are managed, as people count them."""
    managed = {uuid: record for uuid, record in state.managed.gpus.items() if record.is_managed}
    return sorted(managed, key=lambda uuid: (managed[uuid].identity.index, uuid))


def _ordered(record: ManagedGpu) -> list[str]:
    return sorted(record.settings, key=lambda name: SETTINGS[name].order)


def _rows(record: ManagedGpu) -> Iterator[list[str]]:
    for name in _ordered(record):
        managed, setting = record.settings[name], SETTINGS[name]
        yield [
            record.identity.label,
            name,
            setting.show(managed.applied),
            _reading(name, managed.baseline),
            str(managed.owner),
            managed.owner.user,
            managed.applied_at.at.strftime("%Y-%m-%d %H:%M:%S"),
        ]


def _hold_lines(record: ManagedGpu) -> list[str]:
    return [
        f"{record.identity.label}: {key} {hold_in_words(hold)} since {hold.since.at.strftime('%Y-%m-%d %H:%M:%S UTC')}"
        for key, hold in sorted(record.holds.items())
    ]


def hold_in_words(hold: Hold) -> str:
    """What is in force: `holds power limit at 650 W`, `fires to slack-devops`, `drains the node (GpuOverheated)`."""
    match hold.setting:
        case ResourceType.ALERT:
            return f"fires to {hold.value}"
        case ResourceType.NODE:
            return f"drains the node ({hold.value})"
        case name:
            return f"holds {SETTINGS[name].title} at {SETTINGS[name].show(hold.value)}"


def _reading(name: str, value: Reading[ReadableValue]) -> str:
    return value.in_words() if isinstance(value, Missing) else SETTINGS[name].show(value)
