"""Disruption budgets: what stands between a pod and its eviction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from esnode.errors import ClusterUnavailable
from esnode.kubernetes.client import Client
from esnode.kubernetes.exchange import Request
from esnode.records import dataclass

_KNOWN_VERSIONS: Final = ("v1", "v1beta1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One PodDisruptionBudget. `is_used_up` also when its controller has not seen its latest change yet.

    `selector` is None where it selects nothing at all.
    """

    namespace: str
    name: str
    selector: Mapping[str, Any] | None
    is_used_up: bool

    def covers(self, namespace: str, labels: Mapping[str, str]) -> bool:
        return namespace == self.namespace and self.selector is not None and selects(self.selector, labels)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def read_budgets(client: Client, namespace: str, version: str, query: Mapping[str, str]) -> tuple[Budget, ...]:
    """The budgets of a namespace by name, in the API version that `budget_version` found."""
    answer = client.ask(
        Request(
            verb="list",
            resource="poddisruptionbudgets",
            path=f"apis/policy/{version}/namespaces/{namespace}/poddisruptionbudgets",
            about=f"those of namespace {namespace}",
            query=query,
        )
    )
    found = (_budget(item, version) for item in answer.get("items") or [])
    return tuple(sorted(found, key=str))


def budget_version(client: Client) -> str:
    """The version of the group `policy` that this server has: v1 since Kubernetes 1.21, v1beta1 until 1.24."""
    about = "the versions of disruption budgets"
    answer = client.ask(Request(verb="get", resource="the API group policy", path="apis/policy", about=about))
    offered = {str(entry.get("version")) for entry in answer.get("versions") or []}
    for version in _KNOWN_VERSIONS:
        if version in offered:
            return version
    raise ClusterUnavailable(
        f"The Kubernetes API at {client.server} has the group policy in no version that esnode knows",
        detail=f"It has {', '.join(sorted(offered)) or 'none'}; esnode knows {', '.join(_KNOWN_VERSIONS)}.",
        next_step="Update esnode.",
    )


def _budget(item: Mapping[str, Any], version: str) -> Budget:
    metadata, status = item["metadata"], item.get("status") or {}
    selector = (item.get("spec") or {}).get("selector")
    if version == "v1beta1" and not selector:
        # An empty selector selects nothing in v1beta1, and every pod of the namespace in v1.
        selector = None
    is_seen = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    return Budget(
        namespace=metadata["namespace"],
        name=metadata["name"],
        selector=selector,
        is_used_up=not is_seen or status.get("disruptionsAllowed", 0) <= 0,
    )


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector selects an object with these labels; an empty one selects everything."""
    exact = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in exact.items()) and all(
        _fits(rule, labels) for rule in selector.get("matchExpressions") or []
    )


def _fits(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    is_there, value, values = rule["key"] in labels, labels.get(rule["key"]), rule.get("values") or []
    match rule["operator"]:
        case "In":
            return is_there and value in values
        case "NotIn":
            return not is_there or value not in values
        case "Exists":
            return is_there
        case _:
            return not is_there
