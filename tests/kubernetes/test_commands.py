"""A drain from plan to giving back, through the installed command and a real control plane."""

import json

import pytest

from tests.cli.run import esnode
from tests.kubernetes.machine import container

pytestmark = [pytest.mark.lane("kubernetes"), pytest.mark.xdist_group("kubernetes")]

PROFILE = """apiVersion: v1
kind: EfficiencyProfile
metadata: {name: fleet, version: '1'}
policies:
  - name: drain
    target: gpu_power_watts
    condition: "> 500"
    action: {type: migrate_pod, parameters: {node_condition: GpuOverheated}}
    severity: critical
"""

BY_LABEL = """apiVersion: v1
kind: EfficiencyProfile
metadata: {name: zoned, version: '1'}
selectors: {matchLabels: {zone: a}}
settings: {power_limit_watts: 600}
policies: []
"""


class Node:
    def __init__(self, folder, machine, kubeconfig, drain_timeout="1s"):
        self.folder = folder
        (folder / "profile.es").write_text(PROFILE)
        (folder / "zoned.es").write_text(BY_LABEL)
        (folder / "world.yaml").write_text(
            "apiVersion: v1\nkind: SimulatedMachine\nname: lab\nspeed: 0\n"
            "gpus:\n  - {board: H100-SXM, workload: {utilization: 99}}\n"
        )
        (folder / "node.yaml").write_text(
            f"kubernetes: {{node: {machine.name}, kubeconfig: '{kubeconfig}', drain_timeout: {drain_timeout}}}\n"
        )

    def run(self, *words):
        env = {"ESNODE_SIMULATE": "world.yaml", "ESNODE_NODE": "node.yaml"}
        return esnode(*words, cwd=self.folder, env=env)

    def plan(self, *words):
        planned = self.run(*(words or ("plan", "-f", "profile.es")), "-out", "plan.json")
        assert planned.code == 0, planned.err
        return planned

    def changes(self):
        document = json.loads((self.folder / "plan.json").read_bytes())
        return [(change["address"], change["change"]["actions"]) for change in document["resource_changes"]]


def test_a_drain_that_a_budget_stops_is_said_reported_and_given_back(tmp_path, machine, kubeconfig):
    machine.run_pod("train")
    machine.guard("train")
    node = Node(tmp_path, machine, kubeconfig)
    planned = node.plan()
    assert f"the disruption budget {machine.name}/train allows none" in " ".join(planned.out.split())
    applied = node.run("apply", "plan.json")
    assert applied.code == 4, applied.out + applied.err
    assert f"{machine.name}/train" in applied.out
    assert machine.is_cordoned()
    assert machine.condition("GpuOverheated")["status"] == "True"

    node.plan()
    assert node.changes() == [(f'node["{machine.name}"]', ["update"])]
    machine.free("train")
    with machine.kubelet():
        drained = node.run("apply", "plan.json")
    assert drained.code == 0, drained.out + drained.err
    assert machine.pod_names() == []
    node.plan()
    assert node.changes() == []

    node.plan("destroy")
    assert node.run("apply", "plan.json").code == 0
    assert not machine.is_cordoned()
    assert machine.condition("GpuOverheated")["status"] == "False"


def test_pods_without_gpus_stay(tmp_path, machine, kubeconfig):
    machine.run_pod("web", containers=[container(cpu="1")])
    node = Node(tmp_path, machine, kubeconfig)
    node.plan()
    assert node.run("apply", "plan.json").code == 0
    assert machine.pod_names() == ["web"]


def test_the_nodes_labels_select(tmp_path, machine, kubeconfig):
    node = Node(tmp_path, machine, kubeconfig)
    node.plan("plan", "-f", "zoned.es")
    assert [address.partition("[")[0] for address, _ in node.changes()] == ["gpu"]


def test_a_server_that_is_down_leaves_everything_as_it_is(tmp_path, machine, kubeconfig):
    node = Node(tmp_path, machine, kubeconfig)
    broken = tmp_path / "broken"
    broken.write_text(kubeconfig.read_text().replace("https://127.0.0.1:", "https://127.0.0.1:1#"))
    (tmp_path / "node.yaml").write_text(f"kubernetes: {{node: {machine.name}, kubeconfig: '{broken}'}}\n")
    planned = node.plan("plan", "-f", "zoned.es")
    assert "may or may not be for" in planned.out
    assert node.changes() == []
    assert "The Kubernetes node could not be read" in node.plan().err
