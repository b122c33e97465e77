"""What the commands that change the state say."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from esnode.model.hardware import GpuIdentity, NodeIdentity, Observation
from esnode.model.plan import gpu_address
from esnode.model.readings import Missing
from esnode.model.settings import SETTINGS
from esnode.model.state import ManagedGpu, State
from esnode.views.jsonlines import emit
from esnode.views.text import counted, write


def show_forgotten(
    records: Mapping[GpuIdentity, ManagedGpu | None],
    *,
    serial: int,
    unreleased: Sequence[str],
    is_dry_run: bool,
    as_json: bool,
) -> None:
    """What `state rm` forgot, or would."""
    verb = "Would forget" if is_dry_run else "Forgot"
    for gpu, record in records.items():
        message = f"{verb} {gpu.label} {gpu_address(gpu.uuid)}: {_contents(record)}."
        if as_json:
            emit("state_forgotten", message, address=gpu_address(gpu.uuid), record=record, dry_run=is_dry_run)
        else:
            write(message)
    message = "Nothing was changed." if is_dry_run else f"The hardware was not touched. The state has serial {serial}."
    if unreleased:
        message += f" The claim on {', '.join(unreleased)} could not be removed; it counts as stale from now on."
    _say("state_changed", message, as_json=as_json, serial=serial)


def show_renamed(
    old: str, new: str, counts: Mapping[str, int], *, serial: int, is_dry_run: bool, as_json: bool
) -> None:
    """What `state mv` moved, or would."""
    moved = ", ".join(counted(count, word) for word, count in counts.items() if count)
    verb = "Would move" if is_dry_run else "Moved"
    message = f"{verb} {old} to {new}: {moved}."
    if not is_dry_run:
        message += f" The state has serial {serial}."
    _say("state_moved", message, as_json=as_json, old=old, new=new, moved=counts, serial=serial, dry_run=is_dry_run)


def show_both(state: State, observation: Observation, *, as_json: bool) -> None:
    """The machine that the state belongs to and the one it is on, with the GPUs of both."""
    here, there = observation.node.identity, state.node
    recorded = [gpu.identity for gpu in state.observed.observation.gpus] if state.observed else []
    known = {gpu.uuid: gpu for gpu in [*(record.identity for record in state.managed.gpus.values()), *recorded]}
    present = {gpu.identity.uuid: gpu.identity for gpu in observation.gpus}
    if as_json:
        message = "The state belongs to another machine"
        emit("state_identities", message, state=there, here=here, state_gpus=sorted(known), gpus_here=sorted(present))
        return
    write(f"The state belongs to {_machine(there)}")
    write("\n".join(_gpu_lines(known, present, "not in this machine")))
    write(f"This machine is      {_machine(here)}")
    write("\n".join(_gpu_lines(present, known, "not known to the state")))


def ask_to_adopt(stream: TextIO) -> bool:
    """Whether the literal answer is yes."""
    sys.stdout.write("\nMake the state this machine's own? Only yes is a yes: ")
    sys.stdout.flush()
    return stream.readline().strip() == "yes"


def show_adopted(here: NodeIdentity, serial: int | None, *, as_json: bool) -> None:
    """`serial` is None when there was nothing to do."""
    message = f"The state belongs to {_machine(here)}."
    message += " Nothing to do." if serial is None else f" It has serial {serial}. esnode plan shows what differs."
    _say("state_adopted", message, as_json=as_json, serial=serial)


def show_unlocked(holder: str, *, as_json: bool) -> None:
    _say("state_unlocked", f"Cleared the lock of a holder that is gone: {holder}.", as_json=as_json, holder=holder)


def show_confirmed(when: str, *, as_json: bool) -> None:
    """`when` is the time of the apply that stays."""
    _say("apply_confirmed", f"Confirmed: what was applied on {when} stays.", as_json=as_json)


def _say(type: str, message: str, *, as_json: bool, **members: Any) -> None:
    if as_json:
        emit(type, message, **members)
    else:
        write(message)


def _machine(identity: NodeIdentity | None) -> str:
    return f"{identity.hostname} ({identity.machine_id_kind} {identity.machine_id})" if identity else "no machine"


def _gpu_lines(gpus: Mapping[str, GpuIdentity], others: Mapping[str, GpuIdentity], absent: str) -> list[str]:
    lines = [
        f"    {gpu.label} {gpu.name} {gpu.uuid}" + ("" if gpu.uuid in others else f" ({absent})")
        for gpu in sorted(gpus.values(), key=lambda gpu: (gpu.index, gpu.uuid))
    ]
    return lines or ["    no GPUs"]


def _contents(record: ManagedGpu | None) -> str:
    if record is None or record.is_empty:
        return "nothing managed, only its readings"
    parts = [
        f"{SETTINGS[name].title} {SETTINGS[name].show(managed.applied)} (baseline {_baseline(name, record)})"
        for name, managed in sorted(record.settings.items(), key=lambda item: SETTINGS[item[0]].order)
    ]
    holds = sorted(record.holds)
    return ", ".join([*parts, *(f"the hold of {key}" for key in holds)]) or "the memory of released holds"


def _baseline(name: str, record: ManagedGpu) -> str:
    baseline = record.settings[name].baseline
    return baseline.in_words() if isinstance(baseline, Missing) else SETTINGS[name].show(baseline)
