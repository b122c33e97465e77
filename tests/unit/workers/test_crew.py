"""Pieces of work side by side: in order, whoever dies, and with nobody left behind."""

import os
import signal
import time
from contextlib import closing

import pytest

from esnode.errors import CaptureInvalid
from esnode.workers.crew import side_by_side
from esnode.workers.worker import NoAnswer
from tests.benchmarks.family import children_of


@pytest.mark.parametrize("hands", [1, 2, 3])
def test_what_became_of_each_piece_comes_in_their_order(hands):
    def work(number):
        time.sleep(0.02 if number % 3 == 0 else 0)
        return number * number

    assert [answer.value for answer in side_by_side(work, 40, hands=hands)] == [n * n for n in range(40)]


@pytest.mark.parametrize("hands", [1, 2])
def test_what_a_piece_raises_is_its_answer(hands):
    def work(number):
        if number == 1:
            raise CaptureInvalid("torn.xml:3: not XML", next_step="Write it anew.")
        return os.getpid()

    first, second, third = side_by_side(work, 3, hands=hands)
    assert isinstance(second.error, CaptureInvalid)
    assert second.error.next_step == "Write it anew."
    assert {first.value, third.value}
    assert (os.getpid() in {first.value, third.value}) == (hands == 1)


def test_a_child_that_is_killed_takes_one_piece_with_it():
    def work(number):
        if number in (3, 4, 11):
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    answers = list(side_by_side(work, 20, hands=2))
    dead = [number for number, answer in enumerate(answers) if answer.error]
    assert dead == [3, 4, 11]
    assert all(isinstance(answers[number].error, NoAnswer) for number in dead)
    assert "died of signal 9" in str(answers[3].error)
    assert [answer.value for answer in answers if not answer.error] == [n for n in range(20) if n not in dead]


def test_nobody_is_left_when_it_is_over_or_given_up():
    before = children_of(os.getpid())
    list(side_by_side(str, 5, hands=2))
    assert children_of(os.getpid()) == before
    with closing(side_by_side(str, 1000, hands=2)) as answers:
        assert next(answers).value == "0"
        assert len(children_of(os.getpid())) == len(before) + 2
    assert children_of(os.getpid()) == before


def test_one_that_does_not_end_is_killed():
    def work(number):
        if number:
            time.sleep(3600)
        return number

    before = children_of(os.getpid())
    with closing(side_by_side(work, 2, hands=2)) as answers:
        assert next(answers).value == 0
    assert children_of(os.getpid()) == before


def test_only_so_much_is_done_ahead(tmp_path):
    def work(number):
        (tmp_path / str(number)).touch()

    with closing(side_by_side(work, 1000, hands=2)) as answers:
        next(answers)
        time.sleep(0.3)
        assert len(list(tmp_path.iterdir())) <= 2 * 8 + 1


def test_where_no_process_can_be_born_the_work_is_done_all_the_same(monkeypatch):
    def no_fork():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", no_fork)
    assert [answer.value for answer in side_by_side(str, 3, hands=2)] == ["0", "1", "2"]


def test_an_answer_larger_than_a_pipe_arrives():
    assert [len(answer.value) for answer in side_by_side(lambda _: b"x" * 1_000_000, 3, hands=2)] == [1_000_000] * 3
