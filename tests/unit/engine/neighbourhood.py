"""Who is around a machine of values: processes, a cluster node, receivers; and the hands that reach them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esnode.errors import DeliveryFailed, DrainIncomplete, ProcessNotEnded
from esnode.model.alerts import Notification, Occasion
from esnode.model.cluster import ClusterNode, GpuPod, NodeOrder
from esnode.model.neighbours import Neighbours
from esnode.model.node_file import Channel, NodeFile, WebhookDestination
from esnode.model.processes import GpuProcess, HostProcess, ProcessKind
from esnode.model.readings import NOT_READ, Reading
from esnode.model.writes import Done, Termination
from esnode.records import replace
from tests.builders import a_moment

GIB = 2**30


def a_process(
    pid: int = 4711, *, memory: float = 60, sm: float = 90, name: str = "train", **host: object
) -> GpuProcess:
    """A process of ada's; `memory` in GiB."""
    known = HostProcess(
        pid=pid,
        started=100.0 + pid,
        started_at=a_moment(0).at,
        name=name,
        user="ada",
        command=f"/usr/bin/{name}",
    )
    return GpuProcess(
        pid=pid,
        kinds=(ProcessKind.COMPUTE,),
        memory_bytes=int(memory * GIB),
        sm_utilization=sm,
        host=replace(known, **host),  # type: ignore[arg-type]
    )


def a_pod(name: str = "train-0", blocked_by: str = "") -> GpuPod:
    return GpuPod(
        namespace="ml", name=name, uid=f"uid-{name}", resources={"nvidia.com/gpu": "1"}, blocked_by=blocked_by
    )


def channels(*names: str) -> dict[str, Channel]:
    webhook = WebhookDestination(url="http://127.0.0.1:1/")
    return {name: Channel(name=name, destinations=(webhook,)) for name in names}


class Neighbourhood:
    """Processes by GPU, one node, and every message that arrived. Faults: `is_down`, `immortal`, `unmovable`."""

    def __init__(self) -> None:
        self.processes: dict[str, list[GpuProcess]] = {}
        self.cluster: Reading[ClusterNode] = NOT_READ
        self.node_file = NodeFile(path="/etc/esnode/node.yaml", channels=channels("ops"))
        self.messages: list[Notification] = []
        self.orders: list[NodeOrder] = []
        self.ended: list[int] = []
        self.is_down = False
        self.immortal: set[int] = set()

    def meet(self) -> Neighbours:
        return Neighbours(
            processes={uuid: tuple(found) for uuid, found in self.processes.items()}, cluster=self.cluster
        )

    # -- hands

    def end_processes(self, orders: Sequence[Termination]) -> list[Done]:
        return [self._end(order) for order in orders]

    def _end(self, order: Termination) -> Done:
        if order.pid in self.immortal:
            return Done(error=ProcessNotEnded(f"process {order.pid} lives"))
        self.ended.append(order.pid)
        self.processes[order.uuid] = [process for process in self.processes[order.uuid] if process.pid != order.pid]
        return Done(error=None, note="ended by SIGTERM after 1s")

    def change_node(self, order: NodeOrder) -> Done:
        """As the API server would: what a disruption budget protects stays."""
        self.orders.append(order)
        assert isinstance(self.cluster, ClusterNode)
        conditions = dict(self.cluster.conditions) | {name: str(on) for name, on in order.conditions.items()}
        left = tuple(pod for pod in self.cluster.pods if pod.blocked_by) if order.evict else self.cluster.pods
        cordoned = self.cluster.is_cordoned if order.cordon is None else order.cordon
        self.cluster = replace(self.cluster, is_cordoned=cordoned, conditions=conditions, pods=left)
        error = DrainIncomplete(f"{len(left)} pods are left") if order.evict and left else None
        standing = ",".join(sorted(name for name, on in order.conditions.items() if on))
        return Done(error=error, read_back={"cordoned": cordoned, "conditions": standing})

    def send(self, notifications: Sequence[Notification]) -> list[Done]:
        return [self._send(notification) for notification in notifications]

    def _send(self, notification: Notification) -> Done:
        if self.is_down or notification.channel not in self.node_file.channels:
            return Done(error=DeliveryFailed(f"{notification.channel} did not take it"))
        self.messages.append(notification)
        return Done(error=None, note="sent to 1 destination")

    # -- what arrived

    def occasions(self) -> list[Occasion]:
        return [message.occasion for message in self.messages]

    def forbid(self, *actions: str) -> None:
        self.node_file = replace(self.node_file, forbid=actions)

    def define(self, defined: Mapping[str, Channel]) -> None:
        self.node_file = replace(self.node_file, channels=defined)
