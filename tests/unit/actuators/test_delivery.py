"""Who gets how much time, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from esnode.actuators.delivery import Pace, deliver, is_worth_another_try
from esnode.errors import BadValue, EndpointFailed, ExtraMissing, ReadBackDiffers, SecretUnavailable
from tests.builders import a_notification

TROUBLE = EndpointFailed("it answered 500", status=500)


@dataclass
class Clock:
    now: float = 0.0

    def pace(self, **members: Any) -> Pace:
        defaults: dict[str, Any] = {"timeout": 10.0, "limit": 60.0, "backoff": 0.5, "tries": 3}
        return Pace(**defaults | members, clock=lambda: self.now, sleep=self.pass_by)

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FakeSender:
    """Uses up its whole time if it is silent, and answers as told, at last with "ok"."""

    name: str
    clock: Clock
    answers: list[Any] = field(default_factory=list)
    is_silent: bool = False
    tries: list[tuple[float, float]] = field(default_factory=list)

    def send(self, notification: object, *, timeout: float) -> str:
        self.tries.append((self.clock.now, timeout))
        if self.is_silent:
            self.clock.pass_by(timeout)
            raise EndpointFailed("no answer", status=0)
        answer = self.answers.pop(0) if self.answers else "ok"
        if isinstance(answer, str):
            return answer
        raise answer


def test_each_has_a_first_try_before_any_has_a_second():
    clock = Clock()
    slow, good = FakeSender("slow", clock, is_silent=True), FakeSender("good", clock)
    outcomes = deliver([slow, good], a_notification(), clock.pace())
    assert outcomes[1] == "ok"
    assert good.tries[0][0] == 10.0
    assert [begun for begun, _ in slow.tries] == [0.0, 10.5, 21.5]


def test_time_is_shared_out_among_those_who_had_none():
    clock = Clock()
    senders = [FakeSender(str(number), clock, is_silent=True) for number in range(4)]
    deliver(senders, a_notification(), clock.pace(limit=20.0))
    assert [sender.tries for sender in senders] == [[(5.0 * number, 5.0)] for number in range(4)]


@pytest.mark.parametrize("silent", [1, 3, 10])
def test_all_of_it_has_an_end(silent):
    clock = Clock()
    deliver([FakeSender(str(n), clock, is_silent=True) for n in range(silent)], a_notification(), clock.pace())
    assert clock.now <= 60.0 + 0.05


def test_pauses_double():
    clock = Clock()
    sender = FakeSender("it", clock, [TROUBLE, TROUBLE, TROUBLE])
    assert deliver([sender], a_notification(), clock.pace(tries=4)) == {0: "ok"}
    assert [begun for begun, _ in sender.tries] == [0.0, 0.5, 1.5, 3.5]


def test_a_pause_of_one_does_not_hold_up_another():
    clock = Clock()
    busy = FakeSender("busy", clock, [EndpointFailed("busy", status=429, retry_after=20.0)])
    shaky = FakeSender("shaky", clock, [TROUBLE])
    assert deliver([busy, shaky], a_notification(), clock.pace()) == {0: "ok", 1: "ok"}
    assert [begun for begun, _ in busy.tries] == [0.0, 20.0]
    assert [begun for begun, _ in shaky.tries] == [0.0, 0.5]


@pytest.mark.parametrize("failure", [SecretUnavailable("none"), BadValue("bad"), ExtraMissing("no apprise")])
def test_what_is_wrong_here_is_not_tried_again(failure):
    assert not is_worth_another_try(failure)


def test_what_was_not_found_afterwards_is():
    assert is_worth_another_try(ReadBackDiffers("not listed"))
