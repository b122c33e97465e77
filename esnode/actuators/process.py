"""Ends processes: SIGTERM, the grace period, SIGKILL, and then a look whether the GPU is rid of them.

Nothing here decides whom: that stands in the plan. What is checked once more, right before the signal, is that the
process is the one that was meant, and none that is never ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from esnode.actuators.ending import Ending
from esnode.model.readings import Reading
from esnode.model.writes import Done, Termination

SETTLE_SECONDS: Final = 5.0
"""The driver frees a process's memory, and takes it off its lists, a moment after its end."""

_POLL_SECONDS: Final = 0.05
_ASK_SECONDS: Final = 0.5


class ProcessActuator:
    """The one hand that esnode lays on processes.

    `still_on_gpu(uuid, pid)` asks the driver whether it lists the process. `sees_host_pids` says that the driver's
    numbers are those of this process's PID namespace; without that nothing is signalled. `clock` and `sleep` are in
    seconds of real time: a process's grace period is never simulated.
    """

    def __init__(
        self,
        *,
        still_on_gpu: Callable[[str, int], Reading[bool]],
        sees_host_pids: bool,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._still_on_gpu = still_on_gpu
        self._sees_host_pids = sees_host_pids
        self._clock = clock
        self._sleep = sleep

    def end_all(self, orders: Sequence[Termination], *, should_stop: Callable[[], bool]) -> Sequence[Done]:
        """End the processes side by side; what came of each, in the orders' order. A refusal is an answer, not raised.

        Takes as long as the longest grace period, 10 s more for what SIGKILL does not end at once, and up to 5 s for
        the driver. When `should_stop` says so nobody else is signalled and nobody is waited for any longer; those
        whose grace period was not over are not killed.
        """
        with ExitStack() as stack:
            endings = [stack.enter_context(Ending(order, self._clock)) for order in orders]
            for ending in endings:
                if should_stop():
                    ending.never_began()
                else:
                    ending.begin(sees_host_pids=self._sees_host_pids)
            self._wait(endings, should_stop)
            self._read_back(endings)
            return [ending.done for ending in endings if ending.done is not None]

    def _wait(self, endings: list[Ending], should_stop: Callable[[], bool]) -> None:
        while waiting := [ending for ending in endings if ending.is_waiting]:
            for ending in waiting:
                ending.look()
                if ending.is_waiting and should_stop():
                    ending.interrupt()
            if any(ending.is_waiting for ending in waiting):
                self._sleep(_POLL_SECONDS)

    def _read_back(self, endings: list[Ending]) -> None:
        """Once at least; then until the driver lists none of them, or the time is up."""
        until = self._clock() + SETTLE_SECONDS
        while gone := [ending for ending in endings if ending.done is None]:
            is_last = self._clock() >= until
            for ending in gone:
                listed = self._still_on_gpu(ending.order.uuid, ending.order.pid)
                ending.settle(listed, is_last=is_last)
            if any(ending.done is None for ending in gone):
                self._sleep(_ASK_SECONDS)
