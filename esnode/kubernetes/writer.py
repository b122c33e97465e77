"""What changes a cluster: conditions and cordon of a node, and evictions. For `actuators/node.py` alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from esnode.errors import ClusterUnavailable
from esnode.kubernetes.client import Client
from esnode.kubernetes.exchange import Answer, Request
from esnode.kubernetes.nodes import as_node, node_path
from esnode.model.cluster import ClusterNode, GpuPod, NodeOrder
from esnode.records import replace

# Merges conditions by their type: those of kubelet and others are not touched, nor is anything that is not named.
_MERGE: Final = "application/strategic-merge-patch+json"

_DEFAULT_REASON: Final = "EsnodePolicy"


def set_conditions(client: Client, node: ClusterNode, order: NodeOrder) -> ClusterNode:
    """The node with the order's conditions. When a status stays as it was, so does the time of its last transition."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entries = [_condition(kind, wanted, node, order, at) for kind, wanted in sorted(order.conditions.items())]
    return _patch(client, node, "nodes/status", "/status", {"status": {"conditions": entries}})


def set_cordon(client: Client, node: ClusterNode, cordon: bool) -> ClusterNode:
    """The node, cordoned or not."""
    return _patch(client, node, "nodes", "", {"spec": {"unschedulable": cordon}})


def _condition(kind: str, wanted: bool, node: ClusterNode, order: NodeOrder, at: str) -> Mapping[str, str]:
    status = "True" if wanted else "False"
    entry = {
        "type": kind,
        "status": status,
        "reason": order.reason or _DEFAULT_REASON,
        "message": order.message,
        "lastHeartbeatTime": at,
    }
    return entry if node.conditions.get(kind) == status else {**entry, "lastTransitionTime": at}


def _patch(client: Client, node: ClusterNode, resource: str, below: str, body: Mapping[str, Any]) -> ClusterNode:
    request = Request(
        verb="patch",
        resource=resource,
        path=node_path(node.name) + below,
        about=f"node {node.name!r}",
        query={"fieldManager": "esnode"},
        body=body,
        media_type=_MERGE,
    )
    return replace(as_node(client.ask(request)), pods=node.pods)


def eviction_version(client: Client) -> str:
    """The API version in which this server takes evictions: `policy/v1` since Kubernetes 1.22, else `policy/v1beta1`.

    Not the newest of the group: 1.21 has budgets in v1 already and evictions in v1beta1 only. A server refuses a body
    of another version with 400. Raises ClusterUnavailable when it takes no evictions at all.
    """
    request = Request(verb="get", resource="the API's resources", path="api/v1", about="the version of evictions")
    for entry in client.ask(request).get("resources") or []:
        if entry.get("name") == "pods/eviction":
            return f"{entry.get('group') or 'policy'}/{entry.get('version') or 'v1beta1'}"
    raise ClusterUnavailable(
        f"The Kubernetes API at {client.server} takes no evictions",
        next_step="Drain the node by hand; esnode deletes no pod behind its disruption budget's back.",
    )


def eviction_of(pod: GpuPod, version: str) -> Request:
    """Asks for one pod's eviction; its UID is a precondition, so that a successor of the same name is left alone."""
    return Request(
        verb="create",
        resource="pods/eviction",
        path=f"api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction",
        about=f"pod {pod}",
        body={
            "apiVersion": version,
            "kind": "Eviction",
            "metadata": {"namespace": pod.namespace, "name": pod.name},
            "deleteOptions": {"preconditions": {"uid": pod.uid}},
        },
    )


def evict(client: Client, pod: GpuPod, version: str) -> Answer:
    """What the server says to the eviction of one pod. Raises ClusterUnavailable when it says nothing."""
    return client.exchange(eviction_of(pod, version))
