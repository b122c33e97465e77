"""Marks this machine's node in its cluster, cordons it, and empties it of the pods that hold GPUs.

Nothing here decides: what is to be done was decided when the plan was made.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from esnode.actuators.drain import Drain, Pacing
from esnode.errors import EsnodeError, ReadBackDiffers
from esnode.kubernetes.access import node_name
from esnode.kubernetes.client import Client
from esnode.kubernetes.credentials import open_client
from esnode.kubernetes.nodes import read_node
from esnode.kubernetes.writer import set_conditions, set_cordon
from esnode.model.cluster import ClusterNode, NodeOrder
from esnode.model.node_file import KubernetesAccess
from esnode.model.settings import SettingValue
from esnode.model.writes import Done
from esnode.records import dataclass, field, replace

ShouldStop = Callable[[], bool]
Tell = Callable[[str], None]


class NodeActuator:
    """The one hand that esnode lays on a cluster, and only on this machine's node and its pods.

    `first_pause` and `longest_pause` are seconds between two rounds of a drain whose pods are refused.
    """

    def __init__(
        self,
        access: KubernetesAccess,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        first_pause: float = 1.0,
        longest_pause: float = 15.0,
    ) -> None:
        self._access = access
        self._pacing = Pacing(sleep=sleep, now=now, first_pause=first_pause, longest_pause=longest_pause)

    def carry_out(self, order: NodeOrder, *, should_stop: ShouldStop, tell: Tell) -> Done:
        """Conditions, cordon, eviction, then reads the node back. Doing it twice is harmless; nothing is raised.

        `error` is None when the node was seen to be as ordered and, for an eviction, empty of GPU pods;
        DrainIncomplete names the pods that are left and what is in their way. Whatever failed, `read_back` has what
        is so: `cordoned`, `conditions` (those of the order that are True, by name), `evicted` (how many evictions the
        server accepted; such a pod can still be among those left, on its way out) and `left`. A name is absent when
        it was never seen. `should_stop` is asked while it waits; what has been done then stays done.
        """
        began, work = self._pacing.now(), _Work(order=order)
        try:
            with open_client(self._access) as client:
                error = self._do(client, work, should_stop, tell)
        except EsnodeError as failure:
            error = failure
        seconds = self._pacing.now() - began
        return Done(error=error, note=work.note(), read_back=work.read_back(), seconds=seconds)

    def _do(self, client: Client, work: _Work, should_stop: ShouldStop, tell: Tell) -> EsnodeError | None:
        error: EsnodeError | None = None
        try:
            work.node = read_node(client, work.order.node or node_name(self._access))
            _mark(client, work, tell)
            _cordon(client, work, tell)
            self._empty(client, work, should_stop, tell)
        except EsnodeError as failure:
            error = failure
        return _seen_again(client, work, error) if work.node else error

    def _empty(self, client: Client, work: _Work, should_stop: ShouldStop, tell: Tell) -> None:
        if not work.order.evict or work.node is None:
            return
        seconds = work.order.deadline_seconds
        work.drain = Drain(client, work.node.name, seconds, should_stop=should_stop, tell=tell, pacing=self._pacing)
        work.drain.run()


@dataclass(slots=True, kw_only=True)
class _Work:
    """An order and how far it has come. `node` is as the server last showed it."""

    order: NodeOrder
    node: ClusterNode | None = None
    drain: Drain | None = None
    done: list[str] = field(default_factory=list)
    is_read_back: bool = False

    def read_back(self) -> dict[str, SettingValue]:
        found: dict[str, SettingValue] = {"evicted": self.drain.evicted if self.drain else 0}
        if self.node:
            is_true = (kind for kind in sorted(self.order.conditions) if self.node.conditions.get(kind) == "True")
            found |= {"cordoned": self.node.is_cordoned, "conditions": ",".join(is_true)}
        if self.drain and self.drain.left is not None:
            found["left"] = ", ".join(map(str, self.drain.left))
        return found

    def note(self) -> str:
        pods = self.drain.evicted if self.drain else 0
        evicted = [f"{pods} pod{'s' if pods != 1 else ''} evicted"] if self.drain else []
        unseen = [] if self.is_read_back or not self.node else ["not read back: as the server answered each step"]
        return "; ".join([*self.done, *evicted, *unseen]) or "nothing done"


def _mark(client: Client, work: _Work, tell: Tell) -> None:
    if not work.node or not work.order.conditions:
        return
    said = ", ".join(f"{kind} {wanted}" for kind, wanted in sorted(work.order.conditions.items()))
    tell(f"setting {said} on node {work.node.name}")
    work.node = set_conditions(client, work.node, work.order)
    work.done.append(said)


def _cordon(client: Client, work: _Work, tell: Tell) -> None:
    if not work.node or work.order.cordon in (None, work.node.is_cordoned):
        return
    cordon = bool(work.order.cordon)
    tell(f"{'cordoning' if cordon else 'uncordoning'} node {work.node.name}")
    work.node = set_cordon(client, work.node, cordon)
    work.done.append("cordoned" if cordon else "uncordoned")


def _seen_again(client: Client, work: _Work, error: EsnodeError | None) -> EsnodeError | None:
    """Reads the node back. The error that was there before counts, then that it cannot be seen, then what differs."""
    assert work.node is not None
    try:
        work.node = replace(read_node(client, work.node.name), pods=work.node.pods)
    except EsnodeError as failure:
        return error or failure
    work.is_read_back = True
    return error or _difference(work.order, work.node)


def _difference(order: NodeOrder, node: ClusterNode) -> EsnodeError | None:
    """Somebody else may have undone it in the meantime: a person, another controller."""
    found = [
        f"{kind} is {node.conditions.get(kind, 'absent')}, not {wanted}"
        for kind, wanted in sorted(order.conditions.items())
        if node.conditions.get(kind) != str(wanted)
    ]
    if order.cordon not in (None, node.is_cordoned):
        found.append("it is not cordoned" if order.cordon else "it is still cordoned")
    if not found:
        return None
    return ReadBackDiffers(
        f"Node {node.name!r} is not as it was ordered: {', '.join(found)}",
        detail="The server accepted each step; somebody changed the node since.",
        next_step=f"See who manages it: `kubectl get node {node.name} -o yaml --show-managed-fields`.",
    )
