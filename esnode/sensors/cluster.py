"""Reads this machine as a node of its cluster. Nothing here writes to the cluster."""

from __future__ import annotations

from collections.abc import Mapping

from esnode.kubernetes.access import is_configured, node_name
from esnode.kubernetes.credentials import open_client
from esnode.kubernetes.nodes import read_node
from esnode.kubernetes.pods import read_gpu_pods
from esnode.model.cluster import ClusterNode
from esnode.model.node_file import KubernetesAccess
from esnode.records import replace

__all__ = ["is_configured", "read_cluster_node", "read_node_labels"]


def read_cluster_node(access: KubernetesAccess, *, with_pods: bool = True) -> ClusterNode:
    """The node, and with `with_pods` the pods that a drain would evict and the budgets in their way.

    Pods and budgets may be a moment old: every node of a large cluster can ask this as often as it likes. Raises
    ClusterUnavailable, and ExtraMissing when the client is not installed.
    """
    with open_client(access) as client:
        node = read_node(client, node_name(access))
        held = read_gpu_pods(client, node.name, fresh=False) if with_pods else ()
        return replace(node, pods=tuple(found.pod for found in held))


def read_node_labels(access: KubernetesAccess) -> Mapping[str, str]:
    """The node's labels, by name. Raises as `read_cluster_node` does."""
    return read_cluster_node(access, with_pods=False).labels
