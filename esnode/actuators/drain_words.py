"""What a drain says when it did not empty its node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from esnode.errors import DrainIncomplete
from esnode.kubernetes.pods import HeldPod
from esnode.model.cluster import GpuPod

_SHOWN: Final = 8


def incomplete(node: str, held: Sequence[HeldPod], reasons: Mapping[str, str], when: str) -> DrainIncomplete:
    """The pods that are left, why each is, and what would let it go on. `reasons` is what the server said, by UID."""
    names = [str(found.pod) for found in held]
    were = "1 pod that holds GPUs was" if len(names) == 1 else f"{len(names)} pods that hold GPUs were"
    return DrainIncomplete(
        f"{were} left on node {node!r} {when}: {_listed(names)}",
        detail=f"{'; '.join(_why(found, reasons) for found in held[:_SHOWN])}.",
        next_step=_way_out(held),
    )


def two_budgets(pod: GpuPod, node: str, said: str) -> DrainIncomplete:
    """A pod that no waiting frees: the eviction API does not decide between two budgets."""
    return DrainIncomplete(
        f"Pod {pod} on node {node!r} cannot be evicted: more than one disruption budget covers it",
        detail=f"The server says: {said.rstrip('.')}.",
        next_step=f"Leave one budget of namespace {pod.namespace} whose selector covers it, then plan again.",
    )


def _why(held: HeldPod, reasons: Mapping[str, str]) -> str:
    if held.is_leaving:
        return f"{held.pod} is being deleted and its containers have not ended"
    if held.pod.blocked_by:
        return f"{held.pod} waits for disruption budget {held.pod.blocked_by}"
    return f"{held.pod} was not evicted: {reasons.get(held.pod.uid, 'it was not asked for yet')}"


def _way_out(held: Sequence[HeldPod]) -> str:
    budgets = sorted({found.pod.blocked_by for found in held if found.pod.blocked_by})
    if not budgets:
        return (
            "Plan and apply again: it goes on from here. `kubernetes: drain_timeout` of the node file gives it longer."
        )
    return (
        f"Let {_listed(budgets)} allow a disruption (more replicas elsewhere, a higher maxUnavailable), "
        "then plan and apply again: it goes on from here."
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
