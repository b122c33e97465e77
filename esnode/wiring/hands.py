"""Apply's hands for everything that is not a GPU, wired to this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from esnode.errors import ClusterUnavailable, DeliveryFailed
from esnode.model.alerts import Notification
from esnode.model.cluster import NodeOrder
from esnode.model.hardware import Origin
from esnode.model.node_file import NodeFile
from esnode.model.readings import Missing, Reading
from esnode.model.writes import Done, Termination
from esnode.records import replace
from esnode.wiring.surroundings import cluster_access
from esnode.workers.driver import DriverProcess
from esnode.workers.worker import Answer, Handlers, NoAnswer, Worker


class OtherHands:
    """Each actuator is loaded when there is something for it to do. `tell` is given sentences on what takes long."""

    def __init__(
        self,
        node_file: NodeFile,
        driver: DriverProcess,
        *,
        origin: Origin,
        tell: Callable[[str], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._node_file = node_file
        self._driver = driver
        self._origin = origin
        self._tell = tell
        self._should_stop = should_stop

    def end_processes(self, orders: Sequence[Termination]) -> Sequence[Done]:
        """A grace period that has begun is waited out: ending the process is the change in hand."""
        from esnode.actuators.process import ProcessActuator
        from esnode.sensors.processes import sees_host_pids

        sees = self._origin is Origin.SIMULATED or sees_host_pids()
        actuator = ProcessActuator(still_on_gpu=self._is_on_gpu, sees_host_pids=sees)
        return actuator.end_all(orders, should_stop=lambda: False)

    def change_node(self, order: NodeOrder) -> Done:
        access = cluster_access(self._node_file)
        if access is None:
            return Done(
                error=ClusterUnavailable(
                    f"There is no cluster to change {order.node} in",
                    next_step="Add kubernetes: {} to the node file, with a kubeconfig: if there is no service account.",
                )
            )
        from esnode.actuators.node import NodeActuator

        timed = replace(order, deadline_seconds=access.drain_seconds)
        return NodeActuator(access).carry_out(timed, should_stop=self._should_stop, tell=self._tell)

    def send(self, notifications: Sequence[Notification]) -> Sequence[Done]:
        """Side by side, in a process that can be killed: whatever a receiver or a library does, apply goes on."""
        from esnode.actuators.alert import LIMIT

        worker = Worker(self._sender, timeout=LIMIT + 10)
        try:
            answers = worker.ask_all([("send", (notification,)) for notification in notifications])
        finally:
            worker.close()
        return [_sent(notification, answer) for notification, answer in zip(notifications, answers, strict=True)]

    @contextlib.contextmanager
    def _sender(self) -> Iterator[Handlers]:
        from esnode.actuators.alert import AlertActuator

        yield {"send": AlertActuator(self._node_file.channels).send}

    def _is_on_gpu(self, uuid: str, pid: int) -> Reading[bool]:
        listed = self._driver.processes([uuid])[uuid]
        return listed if isinstance(listed, Missing) else any(process.pid == pid for process in listed)


def _sent(notification: Notification, answer: Answer) -> Done:
    if isinstance(answer.error, NoAnswer):
        return Done(error=DeliveryFailed(f"Nobody knows whether {notification.address} was sent: {answer.error}"))
    if answer.error is not None:
        raise answer.error
    done: Done = answer.value
    return done
