"""This machine as a node of a Kubernetes cluster."""

from __future__ import annotations

from collections.abc import Mapping

from esnode.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuPod:
    """A pod on the node that holds GPUs and would be evicted: not of a DaemonSet, not a mirror pod, not finished.

    `resources` are what it requests (`nvidia.com/gpu`, MIG resources) with the quantity as text. `blocked_by` names
    the disruption budget that allows no eviction now, "" when none stands in the way.
    """

    namespace: str
    name: str
    uid: str
    resources: Mapping[str, str] = field(default_factory=dict)
    blocked_by: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNode:
    """The node as its API server shows it. `conditions` is the status ("True", "False", "Unknown") by type.

    `pods` are those that a drain evicts, sorted by namespace and name.
    """

    name: str
    is_cordoned: bool
    labels: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    pods: tuple[GpuPod, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOrder:
    """What is to be done to a node, in this order: conditions, cordon, eviction. None leaves it as it is.

    `conditions` says of each type whether it is to be True or False. `deadline_seconds` bounds the eviction.
    """

    node: str
    conditions: Mapping[str, bool] = field(default_factory=dict)
    cordon: bool | None = None
    evict: bool = False
    reason: str = ""
    message: str = ""
    deadline_seconds: float = 300.0
