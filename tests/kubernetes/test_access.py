"""The ways into a real cluster, and what is said when one is closed. No token is ever shown."""

from __future__ import annotations

import shutil
import socket
import traceback

import pytest

from esnode.actuators.node import NodeActuator
from esnode.errors import ClusterUnavailable
from esnode.kubernetes import access as places
from esnode.model.cluster import NodeOrder
from esnode.model.node_file import KubernetesAccess
from esnode.records import replace
from esnode.sensors.cluster import is_configured, read_cluster_node
from tests.kubernetes.plane import STRANGER_TOKEN

pytestmark = pytest.mark.lane("kubernetes")

SECRET = "s3cr3t-token-of-nobody"


def refused(access):
    with pytest.raises(ClusterUnavailable) as caught:
        read_cluster_node(access)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + error.detail + error.next_step
    assert SECRET not in shown
    assert STRANGER_TOKEN not in shown
    assert error.next_step
    return error


@pytest.fixture
def in_cluster(plane, machine, token, tmp_path, monkeypatch):
    """The environment that a kubelet gives a pod, with a token that the server made."""
    (tmp_path / "token").write_text(token)
    (tmp_path / "namespace").write_text("esnode")
    shutil.copy(plane.authority, tmp_path / "ca.crt")
    host, port = plane.server.removeprefix("https://").split(":")
    monkeypatch.setattr(places, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    monkeypatch.setenv("NODE_NAME", machine.name)


def test_a_pod_needs_no_configuration(machine, in_cluster):
    assert is_configured(None)
    assert read_cluster_node(KubernetesAccess()).name == machine.name


def test_a_kubeconfig_of_the_environment_is_found(machine, kubeconfig, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", f"/not/there:{kubeconfig}")
    monkeypatch.setenv("ESNODE_NODE_NAME", machine.name)
    monkeypatch.setenv("NODE_NAME", "another")
    assert read_cluster_node(KubernetesAccess()).name == machine.name
    assert read_cluster_node(KubernetesAccess(context="test")).name == machine.name


def test_a_node_that_the_cluster_does_not_have(access):
    error = refused(replace(access, node="gpu-unheard-of"))
    assert "has no node 'gpu-unheard-of'" in error.summary
    assert "ESNODE_NODE_NAME" in error.next_step


def test_a_name_that_would_lead_elsewhere_is_not_asked_for(access):
    error = refused(replace(access, node="gpu/../../namespaces"))
    assert "No node of a cluster can be called 'gpu/../../namespaces'" in error.summary


def test_an_unprivileged_user_is_told_the_verb(strangers_access):
    error = refused(strangers_access)
    assert "does not let esnode get nodes" in error.summary
    assert 'User "stranger" cannot get resource "nodes"' in error.detail
    assert "`get` on `nodes`" in error.next_step


def test_a_token_that_has_expired(plane, machine):
    path = plane.kubeconfig("expired", SECRET)
    error = refused(KubernetesAccess(node=machine.name, kubeconfig=str(path)))
    assert f"does not accept the credentials of {path} (context test)" in error.summary
    assert "expired" in error.next_step


def test_a_server_that_is_not_who_the_kubeconfig_trusts(plane, machine, tmp_path):
    import subprocess

    other = tmp_path / "other.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other"]
    subprocess.run([*command, "-keyout", tmp_path / "other.key", "-out", other], check=True, capture_output=True)
    path = plane.kubeconfig("untrusting", SECRET, authority=str(other))
    error = refused(KubernetesAccess(node=machine.name, kubeconfig=str(path)))
    assert "TLS" in error.summary
    assert "certificate-authority" in error.next_step


def test_a_server_that_is_down_leaves_the_truth_untold_rather_than_wrong(plane):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        path = plane.kubeconfig("down", SECRET, server=f"https://127.0.0.1:{taken.getsockname()[1]}")
        access = KubernetesAccess(node="gpu-0", kubeconfig=str(path))
        assert "Connection refused" in refused(access).summary
        order = NodeOrder(node="gpu-0", conditions={"GpuOverheated": True}, cordon=True, evict=True)
        done = NodeActuator(access).carry_out(order, should_stop=lambda: False, tell=lambda said: None)
    assert isinstance(done.error, ClusterUnavailable)
    assert done.read_back == {"evicted": 0}
    assert done.note == "nothing done"
