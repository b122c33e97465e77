"""What a run wants to know beyond the GPUs: processes, the cluster, what endpoints and Prometheus say."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from esnode.engine.ports import Clock
from esnode.errors import EsnodeError
from esnode.model.cluster import ClusterNode
from esnode.model.hardware import Observation, Origin
from esnode.model.needs import Needs
from esnode.model.neighbours import Neighbours
from esnode.model.node_file import KubernetesAccess, NodeFile
from esnode.model.processes import GpuProcess
from esnode.model.readings import NOT_READ, Missing, MissingReason, Reading
from esnode.records import replace
from esnode.workers.driver import DriverProcess

T = TypeVar("T")

_NO_CLUSTER = replace(
    NOT_READ, detail="esnode runs outside a cluster and the node file has no kubernetes: entry, which may be {}"
)


def look_around(seen: Observation, needs: Needs, node_file: NodeFile, clock: Clock) -> Observation:
    """The observation with labels of the orchestrator and metrics from beyond the driver."""
    if needs.labels and (access := cluster_access(node_file)):
        seen = _with_labels(seen, access)
    if needs.serving or needs.queries:
        from esnode.wiring import outside

        seen = outside.look_around(seen, needs, node_file, clock)
    return seen


def meet(seen: Observation, needs: Needs, node_file: NodeFile, driver: DriverProcess) -> Neighbours:
    """The processes on every readable GPU, and this machine's node."""
    return Neighbours(
        processes=_processes(seen, driver) if needs.processes else {},
        cluster=_cluster(node_file) if needs.cluster else NOT_READ,
    )


def cluster_access(node_file: NodeFile) -> KubernetesAccess | None:
    """How the cluster is reached; None where there is none to ask."""
    if node_file.kubernetes or not os.environ.get("KUBERNETES_SERVICE_HOST"):
        return node_file.kubernetes
    # Only in a pod is there more to look for, so only there is it loaded.
    from esnode.sensors.cluster import is_configured

    return KubernetesAccess() if is_configured(None) else None


def _with_labels(seen: Observation, access: KubernetesAccess) -> Observation:
    """What people gave, over what the cluster says."""
    from esnode.sensors.cluster import read_node_labels

    found = _asked(lambda: read_node_labels(access))
    if isinstance(found, Missing):
        return replace(seen, node=replace(seen.node, labels_failure=found))
    return replace(seen, node=replace(seen.node, labels={**found, **seen.node.labels}))


def _processes(seen: Observation, driver: DriverProcess) -> dict[str, Reading[tuple[GpuProcess, ...]]]:
    from esnode.sensors.processes import sees_host_pids, with_host

    # A simulated driver lists processes of this very PID namespace.
    sees = seen.origin is Origin.SIMULATED or sees_host_pids()
    listed = driver.processes([gpu.identity.uuid for gpu in seen.gpus if gpu.is_readable])
    return {
        uuid: found if isinstance(found, Missing) else with_host(found, sees_host_pids=sees)
        for uuid, found in listed.items()
    }


def _cluster(node_file: NodeFile) -> Reading[ClusterNode]:
    access = cluster_access(node_file)
    if access is None:
        return _NO_CLUSTER
    from esnode.sensors.cluster import read_cluster_node

    return _asked(lambda: read_cluster_node(access))


def _asked(ask: Callable[[], T]) -> Reading[T]:
    try:
        return ask()
    except EsnodeError as failure:
        sentence = f"{failure.summary}. {failure.next_step}" if failure.next_step else failure.summary
        return Missing(missing=MissingReason.NOT_READ, detail=sentence.rstrip("."))
