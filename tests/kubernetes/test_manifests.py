"""The manifests of examples/kubernetes, as a real API server takes them: no field is unknown, none is dropped."""

from __future__ import annotations

import json
import time

import pytest
from ruamel.yaml import YAML

from esnode.storage.node_files.read import read_node_file
from tests.cli.run import esnode
from tests.kubernetes.machine import MERGE
from tests.places import EXAMPLES

pytestmark = pytest.mark.lane("kubernetes")

FOLDER = EXAMPLES / "kubernetes"
PATHS = {
    "Namespace": "api/v1/namespaces",
    "ServiceAccount": "api/v1/namespaces/esnode/serviceaccounts",
    "ConfigMap": "api/v1/namespaces/esnode/configmaps",
    "DaemonSet": "apis/apps/v1/namespaces/esnode/daemonsets",
    "NetworkPolicy": "apis/networking.k8s.io/v1/namespaces/esnode/networkpolicies",
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}
DAEMONSET = f"{PATHS['DaemonSet']}/esnode"
APPLY = "application/apply-patch+yaml"


def documents(name):
    return list(YAML(typ="safe").load_all(FOLDER / name))


def applied(plane, document, *, dry_run=True):
    """Server-side apply, which refuses fields that the server's schema does not have."""
    name = document["metadata"]["name"]
    query = f"fieldManager=tests&force=true{'&dryRun=All' if dry_run else ''}"
    return plane.ask("PATCH", f"{PATHS[document['kind']]}/{name}?{query}", document, kind=APPLY)


def missing_in(answer, asked, where=""):
    """Paths of what was asked for and is not in the server's answer."""
    if isinstance(asked, dict):
        return [path for key in asked for path in missing_in((answer or {}).get(key), asked[key], f"{where}.{key}")]
    if isinstance(asked, list):
        pairs = zip(list(answer or []) + [None] * len(asked), asked, strict=False)
        return [
            path for number, (got, item) in enumerate(pairs) for path in missing_in(got, item, f"{where}[{number}]")
        ]
    return [] if answer == asked else [f"{where}: {asked!r} became {answer!r}"]


def daemonset():
    (document,) = documents("daemonset.yaml")
    return document


@pytest.mark.parametrize("name", ["rbac.yaml", "config.yaml", "daemonset.yaml", "networkpolicy.yaml"])
def test_the_api_server_takes_every_field_as_it_is_written(plane, name):
    for document in documents(name):
        assert missing_in(applied(plane, document), document) == []


def test_a_field_that_does_not_exist_would_be_noticed(plane):
    document = daemonset()
    document["spec"]["template"]["spec"]["hostPIDs"] = True
    with pytest.raises(Exception, match="hostPIDs"):
        applied(plane, document)


def test_what_kills_is_a_patch_that_adds_nothing_but_what_killing_takes(plane):
    document = {**daemonset(), "metadata": {"name": "patched"}}
    # On no node: another test counts the pods of the one that is rolled out.
    document["spec"]["template"]["spec"]["nodeSelector"] = {"nobody": "here"}
    made = plane.ask("POST", PATHS["DaemonSet"], document)
    (patch,) = documents("kill-process.yaml")
    after = plane.ask("PATCH", f"{PATHS['DaemonSet']}/patched?dryRun=All", patch, kind=MERGE)
    plane.ask("DELETE", f"{PATHS['DaemonSet']}/patched")
    pod = after["spec"]["template"]["spec"]
    assert pod["hostPID"] is True
    assert pod["containers"][0]["securityContext"]["capabilities"] == {
        "drop": ["ALL"],
        "add": ["SYS_ADMIN", "KILL", "SYS_PTRACE"],
    }
    del pod["hostPID"]
    pod["containers"][0]["securityContext"]["capabilities"]["add"] = ["SYS_ADMIN"]
    assert pod == made["spec"]["template"]["spec"]


def pods_on(plane, machine):
    query = f"labelSelector=app.kubernetes.io/name%3Desnode&fieldSelector=spec.nodeName%3D{machine.name}"
    found = plane.ask("GET", f"api/v1/namespaces/esnode/pods?{query}")["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def eventually(is_so, seconds=30):
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.1)


@pytest.fixture
def rolled_out(plane):
    """The DaemonSet as the controllers of the cluster see it, with the RuntimeClass that the GPU operator makes."""
    runtime = {"metadata": {"name": "nvidia"}, "handler": "nvidia"}
    plane.ask("POST", "apis/node.k8s.io/v1/runtimeclasses", runtime)
    applied(plane, daemonset(), dry_run=False)
    yield
    plane.ask("DELETE", f"{DAEMONSET}?propagationPolicy=Background")
    plane.ask("DELETE", "apis/node.k8s.io/v1/runtimeclasses/nvidia")


def test_it_runs_on_gpu_nodes_though_tainted_and_leaves_one_that_is_paused(plane, machine, rolled_out):
    node = f"api/v1/nodes/{machine.name}"
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    plane.ask("PATCH", node, {"spec": {"taints": [taint]}}, kind=MERGE)
    assert pods_on(plane, machine) == []
    plane.ask("PATCH", node, {"metadata": {"labels": {"nvidia.com/gpu.present": "true"}}}, kind=MERGE)
    eventually(lambda: len(pods_on(plane, machine)) == 1)
    (pod,) = pods_on(plane, machine)
    assert pod["spec"]["priority"] > 2_000_000_000
    assert "hostPID" not in pod["spec"]
    plane.ask("PATCH", node, {"metadata": {"labels": {"esnode/pause": "driver"}}}, kind=MERGE)
    eventually(lambda: pods_on(plane, machine) == [])


def test_the_profiles_and_the_node_file_in_the_config_are_valid(tmp_path):
    maps = {document["metadata"]["name"]: document["data"] for document in documents("config.yaml")}
    for name, text in maps["esnode-profiles"].items():
        (tmp_path / name).write_text(text)
    result = esnode("validate", *maps["esnode-profiles"], cwd=tmp_path)
    assert result.code == 0, result.err
    (tmp_path / "node.yaml").write_text(maps["esnode-node"]["node.yaml"])
    node_file = read_node_file(tmp_path / "node.yaml")
    assert node_file.kubernetes is not None
    assert "kill_process" in json.dumps(sorted(node_file.forbid))
