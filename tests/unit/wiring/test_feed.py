"""Where `esnode top` has its status from: the loop that answers, else a look of its own that writes nothing."""

import contextlib
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from esnode.errors import DriverUnavailable, StateElsewhere, StateUnreadable
from esnode.model.loops import Loop
from esnode.model.neighbours import NOBODY
from esnode.model.node_file import NO_NODE_FILE
from esnode.records import replace
from esnode.storage.audit import AuditLog
from esnode.storage.loop_status import status_document
from esnode.storage.loops import looping
from esnode.storage.states import StateFile
from esnode.wiring.feed import LOOP_INTERVAL, Feed
from esnode.wiring.own_look import OWN_INTERVAL, Given
from tests.builders import START, a_gpu, a_node, a_policy, a_profile, a_state
from tests.endpoints import endpoint
from tests.golden.scenes import a_change, busy
from tests.unit.engine.machine import FakeMachine

HOT = a_profile(a_policy("cool-down", condition="> 50", duration="10s", line=9))


@pytest.fixture
def machine():
    return FakeMachine(a_gpu(0), a_gpu(1))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.json"


@contextlib.contextmanager
def feed(machine, path, *profiles):
    def observe(needs):
        if isinstance(machine, Exception):
            raise machine
        return machine.observe()

    part: Any = SimpleNamespace(observe=observe, meet=lambda seen, needs: NOBODY, node_file=NO_NODE_FILE)
    with Feed(Given(profiles=profiles, state_path=path), lambda: contextlib.nullcontext(part)) as made:
        yield made


@contextlib.contextmanager
def a_loop(path, url):
    loop = Loop(pid=4711, user="ada", since=START, profiles={"train": "d"}, listen=url.removeprefix("http://"))
    with looping(path, loop):
        yield


def as_json(status):
    return json.dumps(status_document(status))


def test_without_a_loop_it_looks_for_itself_and_writes_nothing(machine, path):
    with feed(machine, path) as made:
        seen = made.see()
    assert (seen.status.pid, seen.remark, seen.pause) == (0, "", OWN_INTERVAL)
    assert seen.status.plan
    assert len(seen.status.plan.gpus) == 2
    assert list(path.parent.iterdir()) == []


def test_durations_pass_in_memory(machine, path):
    statuses = []
    with feed(machine, path, HOT) as made:
        for _ in range(3):
            statuses.append(made.see().status.plan.verdicts[0].status)
            machine.pass_time(6)
    assert statuses == ["PENDING", "PENDING", "ACTIVE"]
    assert list(path.parent.iterdir()) == []


def test_without_a_profile_nothing_is_planned_back(machine, path):
    machine.plan_and_apply(a_profile(settings={"power_limit_watts": 600.0}))
    StateFile(path).save(machine.state)
    with feed(machine, path) as made:
        status = made.see().status
    assert [(value.applied, value.desired) for value in status.managed] == [(600.0, 600.0)] * 2
    assert status.plan.changes == ()


def test_what_others_apply_meanwhile_is_seen(machine, path):
    with feed(machine, path) as made:
        assert made.see().status.managed == ()
        machine.plan_and_apply(a_profile(settings={"power_limit_watts": 600.0}))
        StateFile(path).save(machine.state)
        AuditLog(path).record([a_change(0, 0, 700.0, 600.0)])
        status = made.see().status
    assert len(status.managed) == 2
    assert [entry.after for entry in status.recent] == [{"power_limit_watts": 600.0}]


def test_a_loop_that_answers_is_believed_and_no_driver_is_opened(path):
    gone = AssertionError("the machine was read")
    with endpoint(lambda asked: as_json(busy())) as url, a_loop(path, url), feed(gone, path) as made:
        seen = made.see()
    said = busy()
    assert said.plan
    assert seen.status == replace(said, plan=replace(said.plan, profiles=()))
    assert (seen.remark, seen.pause) == ("", LOOP_INTERVAL)


def test_a_proxy_of_the_environment_is_not_asked_for_the_loopback(machine, path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with endpoint(lambda asked: as_json(busy())) as url, a_loop(path, url), feed(machine, path) as made:
        assert made.see().status.pid == 4711


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("{}", "did not answer with a status"),
        ("no", "did not answer with JSON"),
        (as_json(replace(busy(), pid=1)), r"is another loop's \(PID 1\)"),
    ],
)
def test_one_that_answers_otherwise_is_named_and_looked_past(machine, path, answer, why):
    with endpoint(lambda asked: answer) as url, a_loop(path, url), feed(machine, path) as made:
        seen = made.see()
    assert seen.status.pid == 0
    assert re.search(rf"by ada \(PID 4711\) keeps the state and does not answer: .*{why}", seen.remark)


def test_one_that_does_not_listen_is_named(machine, path):
    with a_loop(path, ""), feed(machine, path) as made:
        assert "(PID 4711) keeps the state, without -listen" in made.see().remark


def test_when_the_loop_ends_the_view_goes_on(machine, path):
    with endpoint(lambda asked: as_json(busy())) as url, feed(machine, path) as made:
        with a_loop(path, url):
            assert made.see().status.pid == 4711
        assert made.see().status.pid == 0
        with a_loop(path, url):
            assert made.see().status.pid == 4711


def test_what_cannot_be_read_is_an_error_at_first_and_a_failure_later(machine, path):
    with feed(DriverUnavailable("no driver"), path) as made, pytest.raises(DriverUnavailable):
        made.see()
    with feed(machine, path) as made:
        first = made.see().status
        path.write_text("{")
        made.see()
        later = made.see().status
    assert "state.json" in later.failure
    assert later.consecutive_failures == 2
    assert (later.at, later.plan) == (first.at, first.plan)


def test_a_state_that_is_damaged_or_another_machines_is_an_error(machine, path):
    path.write_text("{")
    with feed(machine, path) as made, pytest.raises(StateUnreadable):
        made.see()
    path.unlink()
    elsewhere = replace(a_node().identity, machine_id="another")
    StateFile(path).save(a_state(node=elsewhere))
    with feed(machine, path) as made, pytest.raises(StateElsewhere):
        made.see()
