"""Which records are of one machine."""

import pytest

from esnode.engine.identity import check_state_is_here, is_other_machine
from esnode.errors import StateElsewhere
from esnode.model.hardware import MachineIdKind, NodeIdentity
from esnode.records import replace
from tests.builders import a_gpu, a_node, a_state, an_observation, uuid_of


def an_identity(machine_id="m1", kind=MachineIdKind.MACHINE_ID, hostname="node-01"):
    return NodeIdentity(machine_id=machine_id, machine_id_kind=kind, hostname=hostname)


@pytest.mark.parametrize(
    ("one", "other", "gpus", "is_other"),
    [
        (an_identity(), an_identity(hostname="renamed"), (), False),
        (an_identity(), an_identity("m2"), ("a",), True),
        (an_identity(), an_identity("d1", MachineIdKind.DMI), ("a",), False),
        (an_identity(), an_identity("d1", MachineIdKind.DMI), ("b",), True),
        (an_identity(), an_identity("d1", MachineIdKind.DMI), (), False),
        (an_identity(), an_identity("sim:1", MachineIdKind.SIMULATED), ("a",), True),
    ],
)
def test_ids_of_one_kind_decide_and_between_kinds_the_gpus(one, other, gpus, is_other):
    assert is_other_machine(one, other, gpus_of_one=gpus, gpus_of_other=("a",)) is is_other


def test_another_machines_state_is_not_planned_with():
    state = replace(a_state(), node=an_identity("m2", hostname="node-02"))
    with pytest.raises(StateElsewhere, match="belongs to node-02 and this is node-01"):
        check_state_is_here(state, an_observation())


def test_a_container_with_the_same_gpus_is_the_same_machine():
    seen = an_observation(a_gpu(0), node=a_node(identity=an_identity("c1", MachineIdKind.CONTAINER)))
    check_state_is_here(replace(a_state(an_observation(a_gpu(0))), node=an_identity()), seen)
    assert seen.gpus[0].identity.uuid == uuid_of(0)
