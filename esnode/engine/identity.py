"""Whether two records are of one machine."""

from __future__ import annotations

from collections.abc import Collection

from esnode.errors import StateElsewhere
from esnode.model.hardware import MachineIdKind, NodeIdentity, Observation
from esnode.model.state import State


def is_other_machine(
    one: NodeIdentity, other: NodeIdentity, *, gpus_of_one: Collection[str], gpus_of_other: Collection[str]
) -> bool:
    """Ids of one kind are compared. Between kinds the GPUs decide; a simulated machine is never a real one."""
    if one.machine_id_kind == other.machine_id_kind:
        return one.machine_id != other.machine_id
    if MachineIdKind.SIMULATED in (one.machine_id_kind, other.machine_id_kind):
        return True
    return bool(gpus_of_one) and not set(gpus_of_one) & set(gpus_of_other)


def check_state_is_here(state: State, observation: Observation) -> None:
    """Raise StateElsewhere when the state was written on another machine than the one that was observed."""
    here = observation.node.identity
    recorded = state.observed.observation.gpus if state.observed else ()
    uuids = {*state.managed.gpus, *(gpu.identity.uuid for gpu in recorded)}
    present = {gpu.identity.uuid for gpu in observation.gpus}
    if state.node is None or not is_other_machine(state.node, here, gpus_of_one=uuids, gpus_of_other=present):
        return
    raise StateElsewhere(
        f"The state belongs to {state.node.hostname} and this is {here.hostname}",
        detail=f"It was written on machine {state.node.machine_id}, this is {here.machine_id}.",
        next_step="Name this machine's own state with -state PATH, or make this one its own: esnode state adopt. "
        "Another machine's may be looked at: esnode show, esnode plan -refresh=false.",
    )
