"""The loop in one process on a machine in memory: time, jumps of it, and what is told of them."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from esnode.loop.inputs import Inputs
from esnode.loop.orders import Orders
from esnode.loop.run import ControlLoop
from esnode.loop.speaker import Speaker
from esnode.model.news import News
from esnode.records import replace
from esnode.simulator.world import open_world
from esnode.wiring.machine import Facts, open_in_memory
from tests.builders import a_policy, a_profile

HOT = a_profile(a_policy())
WORLD = (
    "apiVersion: v1\nkind: SimulatedMachine\nname: lab\nspeed: 0\npersistence: true\n"
    "gpus: [{board: H100-SXM, count: 2}]\n"
)


class Jumpy:
    """The world's clock, which a test sets, and puts to sleep."""

    def __init__(self, clock):
        self.clock, self.set_by, self.slept = clock, 0.0, 0.0

    def now(self):
        now = self.clock.now()
        return replace(now, at=now.at + timedelta(seconds=self.set_by + self.slept), uptime=now.uptime + self.slept)

    def monotonic(self):
        return self.clock.monotonic()

    def nap(self, seconds):
        return self.clock.nap(seconds)


class Script:
    """Signals that come after so many cycles, and a view and publisher that remember."""

    stop = None
    waker = -1

    def __init__(self, cycles, between=lambda number: None):
        self.left, self.between, self.number = cycles, between, 0
        self.news: list[News] = []
        self.lines: list[str] = []
        self.statuses = []

    def should_stop(self):
        return self.left <= 0

    def take_reload(self):
        return False

    def publish(self, status):
        self.statuses.append(status)
        self.left -= 1
        self.number += 1
        self.between(self.number)

    def begin(self, lines):
        self.lines += lines

    def tell(self, news):
        self.news.append(news)

    def settle(self): ...

    def kinds(self):
        return [item.kind for item in self.news]


class Stage:
    def __init__(self, folder: Path, machine, world):
        self.folder, self.machine, self.world = folder, machine, world
        self.clock = Jumpy(machine.clock)

    def run(self, script, profile=HOT, **given):
        machine = replace(self.machine, clock=self.clock, wait=self.wait)
        orders = Orders(
            state_path=self.folder / "state.json",
            simulate=self.folder / "world.yaml",
            interval=5.0,
            lock_timeout=1.0,
            user="ada",
            **given,
        )
        loop = ControlLoop(
            machine,
            Inputs(profiles=(profile,), facts=Facts()),
            orders,
            None,  # type: ignore[arg-type]  # nobody reloads here
            script,
            script,
            Speaker(orders, script, timeout=10.0),
            say=lambda _: None,
        )
        return loop.run()

    def wait(self, seconds, *wakers):
        self.clock.nap(seconds)
        return ()


@pytest.fixture
def stage(tmp_path, monkeypatch):
    monkeypatch.setenv("ESNODE_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "world.yaml").write_text(WORLD)
    world = open_world(tmp_path / "world.yaml")
    world.set("all", {"gpu_temp_celsius": "60", "gpu_utilization": "90"})
    with open_in_memory(world, Facts()) as machine:
        yield Stage(tmp_path, machine, world)


@contextmanager
def times(stage):
    before = stage.clock.monotonic()
    spent: list[float] = []
    yield spent
    spent.append(stage.clock.monotonic() - before)


def test_cycles_keep_to_their_grid(stage):
    script = Script(4)
    with times(stage) as spent:
        assert stage.run(script) == 0
    assert spent == [15.0]
    assert script.lines[-1] == "Active Control Loop started."
    assert script.kinds() == ["loop_ended"]


def test_a_machine_that_slept_is_told_and_left_to_settle(stage):
    def sleep(number):
        stage.clock.slept += 3600 if number == 2 else 0

    script = Script(4, sleep)
    with times(stage) as spent:
        stage.run(script)
    assert script.kinds() == ["resumed", "loop_ended"]
    assert "slept for 1h" in script.news[0].message
    assert spent == [15.0]  # the two seconds of settling shift no tick


def test_a_clock_that_is_set_back_neither_stops_a_debounce_nor_loses_a_reading(stage):
    stage.world.set(0, {"gpu_temp_celsius": "90"})

    def set_back(number):
        stage.clock.set_by -= 7200 if number == 2 else 0

    script = Script(8, set_back)
    stage.run(script, a_profile(a_policy(duration="20s")))
    assert "clock_set" in script.kinds()
    (step,) = [item for item in script.news if item.kind == "step"]
    assert "700 W -> 650 W" in step.message


def test_what_it_says_of_itself_counts_what_it_did(stage):
    stage.world.set(0, {"gpu_temp_celsius": "90"})
    script = Script(3)
    stage.run(script)
    last = script.statuses[-1]
    assert (last.counters.cycles_ok, last.counters.actions["gpu update applied"]) == (3, 1)
    assert [(value.applied, value.policy) for value in last.managed] == [(650.0, "thermal-safety")]
    assert [entry.after for entry in last.recent] == [{"power_limit_watts": 650.0}]
    assert last.is_ready


def test_while_every_cycle_fails_it_backs_off_and_takes_up_its_work_by_itself(stage):
    state = stage.folder / "state.json"

    def break_it(number):
        if number == 1:
            state.rename(stage.folder / "aside.json")
        if number == 4:
            (stage.folder / "aside.json").rename(state)

    script = Script(6, break_it)
    with times(stage) as spent:
        stage.run(script)
    assert [status.consecutive_failures for status in script.statuses] == [0, 1, 2, 3, 0, 0]
    assert [status.next_pause for status in script.statuses] == [0, 10, 20, 40, 0, 0]
    assert script.kinds() == ["cycle_failed", "cycle_recovered", "loop_ended"]
    assert spent == [5.0 + 10 + 20 + 40 + 5]
