"""A node, as its API server shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from esnode.errors import ClusterUnavailable
from esnode.kubernetes.client import Client
from esnode.kubernetes.exchange import Request
from esnode.kubernetes.failures import NAME_IT
from esnode.model.cluster import ClusterNode

_NAME: Final = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


def node_path(name: str) -> str:
    """The path of a node. Raises ClusterUnavailable for what no node can be called: names come from files and the
    environment, and a server decodes a path before it reads it."""
    if not _NAME.fullmatch(name):
        raise ClusterUnavailable(f"No node of a cluster can be called {name!r}", next_step=NAME_IT)
    return f"api/v1/nodes/{name}"


def read_node(client: Client, name: str) -> ClusterNode:
    """The node without its pods. Raises ClusterUnavailable, also when the cluster has no such node."""
    request = Request(verb="get", resource="nodes", path=node_path(name), about=f"node {name!r}")
    return as_node(client.ask(request))


def as_node(item: Mapping[str, Any]) -> ClusterNode:
    """A Node object of the API server, in esnode's words."""
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    conditions = {str(entry["type"]): str(entry["status"]) for entry in status.get("conditions") or []}
    return ClusterNode(
        name=metadata["name"],
        is_cordoned=bool(spec.get("unschedulable")),
        labels=dict(sorted((metadata.get("labels") or {}).items())),
        conditions=dict(sorted(conditions.items())),
    )
