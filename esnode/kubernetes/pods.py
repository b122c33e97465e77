"""The pods of a node that hold GPUs: those that a drain evicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from esnode.kubernetes.budgets import Budget, budget_version, read_budgets
from esnode.kubernetes.client import Client
from esnode.kubernetes.exchange import Request
from esnode.kubernetes.quantities import parse_quantity, show_quantity
from esnode.model.cluster import GpuPod
from esnode.records import dataclass

_GPUS: Final = frozenset({"nvidia.com/gpu", "nvidia.com/gpu.shared"})
_MIG: Final = "nvidia.com/mig-"

# An API server answers this from memory; what it knows may be a moment old.
_FROM_MEMORY: Final = {"resourceVersion": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPod:
    """A pod that holds GPUs. `is_leaving`: it is being deleted and will be gone once its containers have ended."""

    pod: GpuPod
    is_leaving: bool


def read_gpu_pods(client: Client, node: str, *, fresh: bool) -> tuple[HeldPod, ...]:
    """Pods on `node` that request GPUs or MIG slices, by namespace and name, with the budgets in their way.

    Not those of a DaemonSet (they would come back at once), not mirror pods (the API server cannot delete them), not
    finished ones. `fresh` asks for the latest there is, at the price of a read through the cluster's store; without,
    the answer may be a moment old. Raises ClusterUnavailable.
    """
    query = {} if fresh else _FROM_MEMORY
    answer = client.ask(
        Request(
            verb="list",
            resource="pods",
            path="api/v1/pods",
            about=f"those on node {node}",
            query={"fieldSelector": f"spec.nodeName={node}", **query},
        )
    )
    found = [item for item in answer.get("items") or [] if _counts(item)]
    budgets = _budgets_of(client, {item["metadata"]["namespace"] for item in found}, query)
    return tuple(sorted((_held(item, budgets) for item in found), key=lambda held: str(held.pod)))


def _budgets_of(client: Client, namespaces: Iterable[str], query: Mapping[str, str]) -> tuple[Budget, ...]:
    wanted = sorted(namespaces)
    if not wanted:
        return ()
    version = budget_version(client)
    return tuple(budget for namespace in wanted for budget in read_budgets(client, namespace, version, query))


def _counts(item: Mapping[str, Any]) -> bool:
    metadata = item["metadata"]
    is_finished = (item.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    is_mirror = "kubernetes.io/config.mirror" in (metadata.get("annotations") or {})
    return not is_finished and not is_mirror and not _is_of_daemon_set(metadata) and bool(gpu_requests(item["spec"]))


def _is_of_daemon_set(metadata: Mapping[str, Any]) -> bool:
    owners = metadata.get("ownerReferences") or []
    return any(owner.get("controller") and owner.get("kind") == "DaemonSet" for owner in owners)


def _held(item: Mapping[str, Any], budgets: Iterable[Budget]) -> HeldPod:
    metadata, phase = item["metadata"], (item.get("status") or {}).get("phase")
    is_leaving = "deletionTimestamp" in metadata
    # The eviction API asks no budget about a pod that has not started yet or is on its way out.
    asked = () if is_leaving or phase == "Pending" else budgets
    labels = metadata.get("labels") or {}
    blocking = (str(budget) for budget in asked if budget.is_used_up and budget.covers(metadata["namespace"], labels))
    pod = GpuPod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resources={name: show_quantity(amount) for name, amount in sorted(gpu_requests(item["spec"]).items())},
        blocked_by=next(blocking, ""),
    )
    return HeldPod(pod=pod, is_leaving=is_leaving)


def gpu_requests(spec: Mapping[str, Any]) -> Mapping[str, Decimal]:
    """What a pod holds of NVIDIA's resources, counted as the scheduler counts it; a resource of 0 is left out.

    All containers together, or more where an init container needs more: one at a time, each beside the sidecars
    (init containers that restart always) before it.
    """
    together: dict[str, Decimal] = {}
    sidecars: dict[str, Decimal] = {}
    peak: dict[str, Decimal] = {}
    for container in spec.get("containers") or []:
        _add(together, _requests(container))
    for container in spec.get("initContainers") or []:
        wanted = dict(_requests(container))
        if container.get("restartPolicy") == "Always":
            _add(together, wanted)
            _add(sidecars, wanted)
            wanted = dict(sidecars)
        else:
            _add(wanted, sidecars)
        peak.update({name: max(amount, peak.get(name, amount)) for name, amount in wanted.items()})
    most = {name: max(together.get(name, Decimal()), peak.get(name, Decimal())) for name in together.keys() | peak}
    return {name: amount for name, amount in most.items() if amount > 0}


def _requests(container: Mapping[str, Any]) -> Mapping[str, Decimal]:
    """NVIDIA's resources that a container requests; a limit alone is a request too."""
    said = container.get("resources") or {}
    amounts = {**(said.get("limits") or {}), **(said.get("requests") or {})}
    return {name: parse_quantity(str(amount)) for name, amount in amounts.items() if _is_gpu(name)}


def _is_gpu(resource: str) -> bool:
    return resource in _GPUS or resource.startswith(_MIG)


def _add(total: dict[str, Decimal], more: Mapping[str, Decimal]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Decimal()) + amount
