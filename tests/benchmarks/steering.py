"""Who could keep the boards of a hall cool: nobody, one limit for all, a simple loop, and esnode's own loop."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from esnode.loop.inputs import Inputs, Reader
from esnode.loop.orders import Orders
from esnode.loop.run import ControlLoop
from esnode.loop.signals import Signals
from esnode.loop.speaker import Speaker
from esnode.model.events import GpuEvent
from esnode.model.loop_status import LoopStatus
from esnode.model.news import Grade, News
from esnode.model.settings import POWER_LIMIT
from esnode.model.writes import Write, Written
from esnode.records import replace
from esnode.wiring.machine import Facts, Machine, open_in_memory
from esnode.wiring.profiles import read_given
from tests.benchmarks.hall import Hall, Steer
from tests.places import SPECIFICATION_PROFILE

LIMIT: Final = 82
STEP_WATTS: Final = 50.0
MIN_WATTS: Final = 300.0
MAX_WATTS: Final = 700.0
INTERVAL: Final = 5.0
_FACTS: Final = Facts(tags={"cluster_zone": "us-east-1"}, labels={"workload_type": "training"})


def nobody(hall: Hall) -> None:
    hall.pass_time(hall.scenario.seconds)


def fixed_cap(watts: float) -> Steer:
    """One limit for every board, from the beginning to the end."""

    def steer(hall: Hall) -> None:
        hall.set_limits(dict.fromkeys(hall.logs, watts))
        hall.pass_time(hall.scenario.seconds)

    return steer


def one_step_per_sample(hall: Hall) -> None:
    """Too hot: a step down; else: a step up. What a first script does."""
    while not hall.is_over:
        shown, limits = hall.sensors(), hall.limits()
        wanted = {
            uuid: max(MIN_WATTS, limits[uuid] - STEP_WATTS)
            if celsius > LIMIT
            else min(MAX_WATTS, limits[uuid] + STEP_WATTS)
            for uuid, celsius in shown.items()
        }
        hall.set_limits({uuid: watts for uuid, watts in wanted.items() if watts != limits[uuid]})
        hall.pass_time(INTERVAL)


def esnode(hall: Hall, *, interval: float = INTERVAL) -> None:
    """`esnode enforce` with the specification's profile: its loop, on this machine and by this machine's clock.

    Raises AssertionError where it did not do its work.
    """
    with tempfile.TemporaryDirectory() as folder, open_in_memory(hall.world, _FACTS) as machine:
        heard, told = _Heard(), _Told()
        orders = Orders(
            state_path=Path(folder, "esnode.state.json"),
            simulate=Path(folder, "hall.yaml"),
            interval=interval,
            lock_timeout=1.0,
            user="benchmark",
        )
        paths = (SPECIFICATION_PROFILE,)
        reader = Reader(
            paths=paths,
            read_facts=lambda: _FACTS,
            state_path=orders.state_path,
            notify="",
            strict=False,
            tell=heard.tell,
        )
        loop = ControlLoop(
            _through(hall, machine),
            Inputs(profiles=read_given(paths), facts=_FACTS),
            orders,
            reader,
            heard,
            _UntilTheDayIsOver(hall),
            Speaker(orders, told, timeout=10.0),
            say=lambda inputs: None,
        )
        assert loop.run() == 0
    cycles = round(hall.scenario.seconds / interval)
    assert told.status and not heard.problems, heard.problems
    assert abs(told.status.counters.cycles_ok - cycles) <= 1, f"{told.status.counters} instead of {cycles} cycles"
    assert told.status.counters.cycles_failed == 0


def _through(hall: Hall, machine: Machine) -> Machine:
    """The machine, whose time passes in the hall, and whose power limits are written down as they are written."""

    def wait(seconds: float, *wakers: int) -> tuple[GpuEvent, ...]:
        hall.pass_time(seconds)
        return ()

    actuator = _Counting(hall, machine)
    return replace(machine, wait=wait, listens=lambda: False, actuator=lambda: actuator)


class _Counting:
    def __init__(self, hall: Hall, machine: Machine) -> None:
        self._hall, self._machine = hall, machine

    def write_all(self, writes: Sequence[Write]) -> Sequence[Written]:
        for write in writes:
            assert write.setting == POWER_LIMIT and isinstance(write.value, float | int), write
            self._hall.wrote(write.uuid, write.value)
        return self._machine.actuator().write_all(writes)


class _UntilTheDayIsOver(Signals):
    def __init__(self, hall: Hall) -> None:
        super().__init__()
        self._hall = hall

    def should_stop(self) -> bool:
        return self._hall.is_over

    def take_reload(self) -> bool:
        return False


@dataclass(slots=True)
class _Heard:
    """The loop's view: what goes wrong is kept, but for the metric that nobody serves here."""

    problems: list[str] = field(default_factory=list)

    def begin(self, lines: Sequence[str]) -> None:
        """The first lines say nothing of what follows."""

    def tell(self, news: News) -> None:
        if news.grade is Grade.ERROR:
            self.problems.append(news.message)

    def settle(self) -> None:
        """Nothing was kept back."""


@dataclass(slots=True)
class _Told:
    status: LoopStatus | None = None

    def publish(self, status: LoopStatus) -> None:
        self.status = status
