"""Credentials, and what is said when a cluster cannot be asked. No secret is ever shown."""

import sys
import time
import traceback

import pytest

from esnode.errors import ClusterUnavailable, ExtraMissing
from esnode.kubernetes import access as places
from esnode.kubernetes.access import is_configured, kubeconfig_of, node_name
from esnode.kubernetes.credentials import open_client
from esnode.kubernetes.nodes import read_node
from esnode.model.node_file import KubernetesAccess
from tests.unit.kubernetes.scripted import TOKEN, Reply, kubeconfig, serving

NODE = {"metadata": {"name": "gpu-1"}, "spec": {}, "status": {}}
ASKED = "GET /api/v1/nodes/gpu-1"


def failure(path, *, context="", timeout=5.0):
    with (
        pytest.raises(ClusterUnavailable) as caught,
        open_client(KubernetesAccess(kubeconfig=str(path), context=context), timeout=timeout) as client,
    ):
        read_node(client, "gpu-1")
    error = caught.value
    assert TOKEN not in "".join(traceback.format_exception(error)) + error.detail + error.next_step
    return error


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A host that is no pod, whose user has no kubeconfig."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(places, "SERVICE_ACCOUNT", tmp_path / "account")
    return tmp_path


@pytest.fixture
def in_pod(outside, monkeypatch):
    (outside / "account").mkdir()
    (outside / "account" / "token").write_text(TOKEN)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    return outside


def test_a_cluster_is_asked_when_somebody_says_so_or_in_a_pod(outside, monkeypatch):
    assert not is_configured(None)
    assert is_configured(KubernetesAccess())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert not is_configured(None), "a pod without a token of its own"


def test_the_service_account_comes_before_kubeconfigs_that_nobody_named(in_pod, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(in_pod / "one"))
    assert is_configured(None)
    assert kubeconfig_of(KubernetesAccess()) is None
    assert kubeconfig_of(KubernetesAccess(context="prod")) == in_pod / "one"
    assert kubeconfig_of(KubernetesAccess(kubeconfig="~/mine")) == in_pod / "mine"


def test_the_first_kubeconfig_that_is_there_is_used(outside, monkeypatch):
    assert kubeconfig_of(KubernetesAccess()) == outside / ".kube" / "config"
    (outside / "two").touch()
    monkeypatch.setenv("KUBECONFIG", f"{outside / 'one'}:{outside / 'two'}")
    assert kubeconfig_of(KubernetesAccess()) == outside / "two"


def test_the_nodes_name_is_said_or_guessed(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "GPU-7.Rack")
    monkeypatch.delenv("NODE_NAME", raising=False)
    assert node_name(KubernetesAccess()) == "gpu-7.rack"
    monkeypatch.setenv("NODE_NAME", "downward")
    assert node_name(KubernetesAccess()) == "downward"
    monkeypatch.setenv("ESNODE_NODE_NAME", "said")
    assert node_name(KubernetesAccess()) == "said"
    assert node_name(KubernetesAccess(node="written")) == "written"


def test_without_the_client_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "lightkube"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lightkube", None)
    with pytest.raises(ExtraMissing) as caught, open_client(KubernetesAccess()):
        pass
    assert "pip install 'esnode[kubernetes]'" in caught.value.next_step


def test_a_kubeconfig_that_is_absent(tmp_path):
    error = failure(tmp_path / "none")
    assert error.summary == f"There is no kubeconfig at {tmp_path / 'none'}"


@pytest.mark.parametrize(
    "text", [f"users: [{{token: {TOKEN}", f"{TOKEN}", f"clusters: {TOKEN}", f"[{TOKEN}]", f"\x00{TOKEN}"]
)
def test_a_kubeconfig_that_is_none_is_not_quoted(tmp_path, text):
    path = tmp_path / "broken"
    path.write_text(text)
    assert f"The credentials of {path} cannot be used" in failure(path).summary


def test_a_context_that_is_absent_is_named_with_those_that_are_there(tmp_path):
    path = tmp_path / "config"
    path.write_text(kubeconfig("http://127.0.0.1:1"))
    error = failure(path, context="prod")
    assert error.summary == f"The kubeconfig {path} has no context 'prod'"
    assert error.detail == "It has: here."


def test_an_exec_plugin_that_fails_keeps_its_words_to_itself(tmp_path):
    path = tmp_path / "config"
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "sh",
        "args": ["-c", f"echo {TOKEN} >&2; exit 3"],
    }
    path.write_text(kubeconfig("http://127.0.0.1:1", exec=plugin))
    error = failure(path)
    assert "no token could be got" in error.summary
    assert error.detail == "Exec sh returned 3."


def test_a_token_that_somebody_on_the_way_sends_back_is_masked(tmp_path):
    echo = {"kind": "Status", "message": f"bad header: Bearer {TOKEN}"}
    with serving(tmp_path, {ASKED: Reply(500, echo)}) as server:
        error = failure(server.kubeconfig)
    assert error.detail == "The server says: bad header: Bearer ***."


def test_the_page_of_a_proxy_is_not_quoted(tmp_path):
    with serving(tmp_path, {ASKED: Reply(502, f"<html>{TOKEN}</html>")}) as server:
        error = failure(server.kubeconfig)
    assert (error.detail, "answered 502 to `get nodes` (node 'gpu-1')" in error.summary) == ("", True)


@pytest.mark.parametrize("body", ["<html>", "[]", ""])
def test_an_answer_that_is_no_object_is_an_error(tmp_path, body):
    with serving(tmp_path, {ASKED: Reply(200, body)}) as server:
        assert "answered 200 without a JSON object" in failure(server.kubeconfig).summary


def test_a_server_that_drips_is_given_up_in_time(tmp_path):
    with serving(tmp_path, {ASKED: Reply(200, {**NODE, "rest": "x" * 100}, seconds=3.0)}) as server:
        began = time.monotonic()
        error = failure(server.kubeconfig, timeout=0.3)
    assert f"{server.url} did not answer within 0.3 s" in error.summary
    assert time.monotonic() - began < 2.0


def test_a_redirect_is_not_followed(tmp_path):
    with serving(tmp_path, {ASKED: Reply(302, "", Location="http://127.0.0.1:1/")}) as server:
        assert "answered 302" in failure(server.kubeconfig).summary


def test_a_name_that_does_not_resolve(tmp_path):
    path = tmp_path / "config"
    path.write_text(kubeconfig("http://nowhere.invalid"))
    assert "The Kubernetes API at http://nowhere.invalid cannot be reached" in failure(path).summary
