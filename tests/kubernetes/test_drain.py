"""What migrate_pod does to a node of a real control plane, with the least rights."""

from __future__ import annotations

import threading
import time

import pytest

from esnode.actuators.node import NodeActuator
from esnode.errors import ClusterUnavailable, DrainIncomplete, ReadBackDiffers
from esnode.model.cluster import NodeOrder
from tests.kubernetes.machine import READY, container, until

pytestmark = pytest.mark.lane("kubernetes")

HOT = "GpuOverheated"


def drain(machine, seconds=20.0, **more):
    return NodeOrder(
        node=machine.name,
        conditions={HOT: True},
        cordon=True,
        evict=True,
        message="GPU 3 is at 92 C",
        deadline_seconds=seconds,
        **more,
    )


def undo(machine):
    return NodeOrder(node=machine.name, conditions={HOT: False}, cordon=False, message="released")


def carry_out(actuator, order, should_stop=lambda: False):
    told: list[str] = []
    return actuator.carry_out(order, should_stop=should_stop, tell=told.append), told


def test_a_node_is_marked_cordoned_and_emptied(machine, actuator):
    machine.run_pod("train-0")
    machine.run_pod("train-1")
    machine.run_pod("web", containers=[container(cpu="1")])
    with machine.kubelet():
        done, told = carry_out(actuator, drain(machine))
    assert done.error is None
    assert done.read_back == {"cordoned": True, "conditions": HOT, "evicted": 2, "left": ""}
    assert machine.pod_names() == ["web"]
    assert machine.is_cordoned()
    condition = machine.condition(HOT)
    assert (condition["status"], condition["reason"], condition["message"]) == (
        "True",
        "EsnodePolicy",
        "GPU 3 is at 92 C",
    )
    assert f"evicting {machine.name}/train-0" in told
    assert f"{machine.name}/train-1 is gone" in told
    assert done.note == f"{HOT} True; cordoned; 2 pods evicted"


def test_what_others_say_of_the_node_survives(machine, actuator):
    others = {"type": "KernelDeadlock", "status": "False", "reason": "Healthy", "message": "by another"}
    machine.patch_status({"conditions": [others]})
    taint = {"key": "maintenance", "value": "soon", "effect": "PreferNoSchedule"}
    machine.plane.ask(
        "PATCH",
        f"api/v1/nodes/{machine.name}",
        {"spec": {"taints": [taint]}},
        kind="application/strategic-merge-patch+json",
    )
    before = [machine.condition("Ready"), machine.condition("KernelDeadlock")]
    done, _ = carry_out(actuator, drain(machine))
    assert done.error is None
    assert [machine.condition("Ready"), machine.condition("KernelDeadlock")] == before
    assert before[0]["lastTransitionTime"] == READY["lastTransitionTime"]
    assert taint in machine.node()["spec"]["taints"]


def test_doing_it_twice_is_harmless_and_keeps_the_time_of_the_transition(machine, actuator):
    carry_out(actuator, drain(machine))
    first = machine.condition(HOT)
    time.sleep(1.1)
    done, told = carry_out(actuator, drain(machine))
    second = machine.condition(HOT)
    assert done.error is None
    assert second["lastTransitionTime"] == first["lastTransitionTime"]
    assert second["lastHeartbeatTime"] > first["lastHeartbeatTime"]
    assert not any("cordoning" in sentence for sentence in told)


def test_a_budget_that_allows_nothing_is_respected_and_reported(machine, actuator):
    machine.run_pod("free")
    machine.run_pod("train")
    machine.guard("train")
    with machine.kubelet():
        done, told = carry_out(actuator, drain(machine, seconds=1.0))
    assert isinstance(done.error, DrainIncomplete)
    assert done.error.summary == (
        f"1 pod that holds GPUs was left on node '{machine.name}' after 1 s: {machine.name}/train"
    )
    assert f"waits for disruption budget {machine.name}/train" in done.error.detail
    assert f"Let {machine.name}/train allow a disruption" in done.error.next_step
    assert done.read_back == {"cordoned": True, "conditions": HOT, "evicted": 1, "left": f"{machine.name}/train"}
    assert (machine.is_cordoned(), machine.condition(HOT)["status"]) == (True, "True")
    assert machine.pod_names() == ["train"]
    assert told.count(f"{machine.name}/train waits for disruption budget {machine.name}/train") == 1
    assert 1.0 <= done.seconds < 4.0


def test_it_goes_on_when_the_budget_allows_it(machine, actuator):
    machine.run_pod("train")
    machine.guard("train")
    told: list[str] = []

    def tell(sentence):
        told.append(sentence)
        if "waits for" in sentence:
            machine.free("train")

    with machine.kubelet():
        done = actuator.carry_out(drain(machine), should_stop=lambda: False, tell=tell)
    assert (done.error, done.read_back["evicted"], done.read_back["left"]) == (None, 1, "")
    assert machine.pod_names() == []


def test_it_waits_for_containers_to_end_until_the_deadline(machine, actuator):
    machine.run_pod("slow")
    done, _ = carry_out(actuator, drain(machine, seconds=1.0))
    assert isinstance(done.error, DrainIncomplete)
    assert "slow is being deleted and its containers have not ended" in done.error.detail
    assert (done.read_back["evicted"], done.read_back["left"]) == (1, f"{machine.name}/slow")
    assert "deletionTimestamp" in machine.pods()[0]["metadata"]


def test_it_stops_when_told_to(machine, actuator):
    machine.run_pod("train")
    machine.guard("train")
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    done, _ = carry_out(actuator, drain(machine, seconds=60.0), should_stop=stop.is_set)
    assert isinstance(done.error, DrainIncomplete)
    assert "when it was told to stop" in done.error.summary
    assert done.seconds < 5.0
    assert (done.read_back["cordoned"], done.read_back["left"]) == (True, f"{machine.name}/train")


def test_two_budgets_over_one_pod_are_no_reason_to_wait(machine, actuator):
    machine.run_pod("train")
    machine.guard("train")
    machine.guard("also", app="train")
    done, _ = carry_out(actuator, drain(machine, seconds=60.0))
    assert isinstance(done.error, DrainIncomplete)
    assert "more than one disruption budget covers it" in done.error.summary
    assert done.seconds < 5.0
    assert done.read_back["left"] == f"{machine.name}/train"


def test_a_replacement_goes_elsewhere(machine, actuator):
    """A real Deployment on real controllers: its new pod finds the only node with GPUs cordoned, and waits."""
    template = {
        "metadata": {"labels": {"app": "serve"}},
        "spec": {"containers": [container()], "nodeSelector": {"kubernetes.io/hostname": machine.name}},
    }
    body = {
        "metadata": {"name": "serve"},
        "spec": {"selector": {"matchLabels": {"app": "serve"}}, "template": template},
    }
    with machine.kubelet():
        machine.create_in("deployments", body, "apis/apps/v1")
        until(machine.pods)
        old = machine.pod_names()
        done, _ = carry_out(actuator, drain(machine))
        assert done.error is None
        everyone = machine.plane.ask("GET", f"api/v1/namespaces/{machine.name}/pods")["items"]
        assert not {item["metadata"]["name"] for item in everyone if item["spec"].get("nodeName")} & set(old)
        assert machine.pods() == []
        carry_out(actuator, undo(machine))
        until(machine.pods)


def test_it_is_undone(machine, actuator):
    carry_out(actuator, drain(machine))
    done, told = carry_out(actuator, undo(machine))
    assert done.error is None
    assert done.read_back == {"cordoned": False, "conditions": "", "evicted": 0}
    assert machine.condition(HOT)["status"] == "False"
    assert not machine.is_cordoned()
    assert told == [f"setting {HOT} False on node {machine.name}", f"uncordoning node {machine.name}"]


def test_an_order_for_conditions_alone_leaves_the_rest(machine, actuator):
    machine.run_pod("train")
    order = NodeOrder(node=machine.name, conditions={HOT: True, "GpuXid": True}, reason="Thermal", message="x")
    done, _ = carry_out(actuator, order)
    assert done.read_back == {"cordoned": False, "conditions": f"{HOT},GpuXid", "evicted": 0}
    assert machine.condition("GpuXid")["reason"] == "Thermal"
    assert machine.pod_names() == ["train"]


def test_a_pod_of_the_same_name_that_came_since_is_left_alone(machine, access, actuator):
    """The UID is a precondition: the server refuses to evict a successor."""
    from esnode.kubernetes.credentials import open_client
    from esnode.kubernetes.writer import evict, eviction_version
    from esnode.model.cluster import GpuPod

    machine.run_pod("train")
    with open_client(access) as client:
        answer = evict(client, GpuPod(namespace=machine.name, name="train", uid="another"), eviction_version(client))
    assert answer.status == 409
    assert "deletionTimestamp" not in machine.pods()[0]["metadata"]


def test_who_may_not_is_told_which_right_is_missing(machine, plane, strangers_access):
    machine.run_pod("train")
    stranger = NodeActuator(strangers_access, first_pause=0.1)
    done, _ = carry_out(stranger, drain(machine))
    assert isinstance(done.error, ClusterUnavailable)
    assert f"does not let esnode get nodes (node '{machine.name}')" in done.error.summary
    assert done.read_back == {"evicted": 0}
    assert not machine.is_cordoned()


def test_a_right_that_is_missing_half_way_ends_it_at_once_and_what_was_done_is_told(machine, plane):
    role = {
        "metadata": {"name": "no-evictions"},
        "rules": [
            {"apiGroups": [""], "resources": ["nodes", "nodes/status"], "verbs": ["get", "patch"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        ],
    }
    binding = {
        "metadata": {"name": "no-evictions"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "no-evictions"},
        "subjects": [{"kind": "ServiceAccount", "name": "half", "namespace": "esnode"}],
    }
    rbac = "apis/rbac.authorization.k8s.io/v1"
    plane.ask("POST", f"{rbac}/clusterroles", role)
    plane.ask("POST", f"{rbac}/clusterrolebindings", binding)
    plane.ask("POST", "api/v1/namespaces/esnode/serviceaccounts", {"metadata": {"name": "half"}})
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = plane.ask("POST", "api/v1/namespaces/esnode/serviceaccounts/half/token", body)["status"]["token"]
    from esnode.model.node_file import KubernetesAccess

    machine.run_pod("train")
    half = NodeActuator(KubernetesAccess(kubeconfig=str(plane.kubeconfig("half", token))), first_pause=0.1)
    done, _ = carry_out(half, drain(machine, seconds=60.0))
    assert isinstance(done.error, ClusterUnavailable)
    assert "does not let esnode list poddisruptionbudgets" in done.error.summary
    assert "`list` on `poddisruptionbudgets`" in done.error.next_step
    assert (done.read_back["cordoned"], done.read_back["conditions"]) == (True, HOT)
    assert done.seconds < 5.0


def test_somebody_who_undoes_it_meanwhile_is_noticed(machine, actuator):
    machine.run_pod("train")

    def tell(sentence):
        if sentence.startswith("evicting"):
            patch = {"spec": {"unschedulable": False}}
            machine.plane.ask("PATCH", f"api/v1/nodes/{machine.name}", patch, kind="application/merge-patch+json")

    with machine.kubelet():
        done = actuator.carry_out(drain(machine), should_stop=lambda: False, tell=tell)
    assert isinstance(done.error, ReadBackDiffers)
    assert "it is not cordoned" in done.error.summary
    assert done.read_back["cordoned"] is False
