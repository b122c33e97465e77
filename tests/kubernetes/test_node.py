"""What esnode reads of its node, from a real API server, with the least rights."""

from __future__ import annotations

import pytest

from esnode.model.cluster import GpuPod
from esnode.sensors.cluster import read_cluster_node, read_node_labels
from tests.kubernetes.machine import container, until

pytestmark = pytest.mark.lane("kubernetes")


def pods_seen(access, count):
    """What is read may be a moment old: read until as many are there as the test made."""
    until(lambda: len(read_cluster_node(access).pods) == count)
    return read_cluster_node(access).pods


def test_the_node_is_read_with_its_labels_conditions_and_cordon(machine, access):
    node = read_cluster_node(access)
    assert (node.name, node.is_cordoned, node.pods) == (machine.name, False, ())
    assert node.conditions == {"Ready": "True"}
    assert read_node_labels(access) == {"kubernetes.io/hostname": machine.name, "zone": "a"}
    machine.plane.ask(
        "PATCH", f"api/v1/nodes/{machine.name}", {"spec": {"unschedulable": True}}, kind="application/merge-patch+json"
    )
    assert read_cluster_node(access, with_pods=False).is_cordoned


def test_only_living_pods_that_hold_gpus_and_can_be_evicted_count(machine, access):
    train = machine.run_pod(
        "train", containers=[container(nvidia_com__gpu="2"), container("more", nvidia_com__gpu="1")]
    )
    sliced = machine.run_pod("sliced", containers=[container("one", **{"nvidia_com__mig-1g_10gb": "1"})])
    machine.run_pod("warm", initContainers=[container("warm-up", nvidia_com__gpu="4")], containers=[container(cpu="1")])
    machine.run_pod("web", containers=[container(cpu="1")])
    machine.run_pod("done", phase="Succeeded")
    machine.run_pod("broken", phase="Failed")
    machine.run_pod("mirror", metadata={"annotations": {"kubernetes.io/config.mirror": "x"}})
    found = pods_seen(access, 3)
    assert [(str(pod), dict(pod.resources)) for pod in found] == [
        (f"{machine.name}/sliced", {"nvidia.com/mig-1g.10gb": "1"}),
        (f"{machine.name}/train", {"nvidia.com/gpu": "3"}),
        (f"{machine.name}/warm", {"nvidia.com/gpu": "4"}),
    ]
    assert [pod.uid for pod in found[:2]] == [sliced["metadata"]["uid"], train["metadata"]["uid"]]


def test_a_real_daemon_sets_pod_stays_out_of_it(machine, access):
    template = {
        "metadata": {"labels": {"app": "agent"}},
        "spec": {"containers": [container()], "nodeSelector": {"kubernetes.io/hostname": machine.name}},
    }
    body = {
        "metadata": {"name": "agent"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template},
    }
    with machine.kubelet():
        machine.create_in("daemonsets", body, "apis/apps/v1")
        until(machine.pod_names)
    machine.run_pod("train")
    assert [pod.name for pod in pods_seen(access, 1)] == ["train"]


def test_a_budget_that_allows_nothing_is_named(machine, access):
    machine.run_pod("free")
    machine.run_pod("train")
    machine.guard("train")
    machine.run_pod("loose")
    machine.guard("roomy", at_least=0, app="loose")
    assert {pod.name: pod.blocked_by for pod in pods_seen(access, 3)} == {
        "free": "",
        "loose": "",
        "train": f"{machine.name}/train",
    }


def test_a_pod_that_has_not_started_is_guarded_by_no_budget(machine, access):
    machine.run_pod("train")
    machine.guard("train")
    machine.run_pod("late", phase="Pending", metadata={"labels": {"app": "train"}})
    assert {pod.name: bool(pod.blocked_by) for pod in pods_seen(access, 2)} == {"late": False, "train": True}


def test_pods_are_values(machine, access):
    machine.run_pod("train")
    assert isinstance(pods_seen(access, 1)[0], GpuPod)
