"""One control plane for all tests of this folder, and a node of its own for each."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from esnode.actuators.node import NodeActuator
from esnode.model.node_file import KubernetesAccess
from tests.kubernetes.machine import Machine
from tests.kubernetes.plane import STRANGER_TOKEN, Plane
from tests.kubernetes.sharing import shared_plane
from tests.places import EXAMPLES

_NUMBERS = itertools.count()
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

_COLLECTIONS = {
    "Namespace": "api/v1/namespaces",
    "ServiceAccount": "api/v1/namespaces/esnode/serviceaccounts",
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}


def _grant(plane: Plane) -> None:
    """The rights of examples/kubernetes, as they are given there."""
    for document in YAML(typ="safe").load_all(EXAMPLES / "kubernetes" / "rbac.yaml"):
        plane.ask("POST", _COLLECTIONS[document["kind"]], document)


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    base = tmp_path_factory.getbasetemp()
    # A worker's folder is inside that of the run.
    run = base.parent if _WORKER else base
    with shared_plane(run / "control-plane", tmp_path_factory.mktemp("kubeconfigs"), _grant) as plane:
        yield plane


@pytest.fixture(scope="session")
def token(plane: Plane) -> str:
    """A token of the service account of examples/kubernetes, made by the server."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    made = plane.ask("POST", "api/v1/namespaces/esnode/serviceaccounts/esnode/token", body)
    return str(made["status"]["token"])


@pytest.fixture(scope="session")
def kubeconfig(plane: Plane, token: str) -> Path:
    """Of the least that esnode needs: every test of it runs with this one."""
    return plane.kubeconfig("esnode", token)


@pytest.fixture
def machine(plane: Plane) -> Machine:
    machine = Machine(plane, f"gpu{_WORKER}-{next(_NUMBERS):02}")
    machine.create()
    return machine


@pytest.fixture
def access(machine: Machine, kubeconfig: Path) -> KubernetesAccess:
    return KubernetesAccess(node=machine.name, kubeconfig=str(kubeconfig))


@pytest.fixture
def strangers_access(plane: Plane, machine: Machine) -> KubernetesAccess:
    """Of a user whom the server knows and who may do nothing."""
    path = plane.kubeconfig("stranger", STRANGER_TOKEN)
    return KubernetesAccess(node=machine.name, kubeconfig=str(path))


@pytest.fixture
def actuator(access: KubernetesAccess) -> NodeActuator:
    return NodeActuator(access, first_pause=0.1, longest_pause=0.4)
