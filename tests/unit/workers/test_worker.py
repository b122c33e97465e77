"""A process that can be killed: run in a process of its own, because forking is for the single-threaded."""

import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import contextlib, os, signal, threading, time
from esnode.errors import NotPermitted
from esnode.workers import worker
from esnode.workers.worker import NoAnswer, Worker

def refuse():
    raise NotPermitted("no", call="nvmlDeviceSet", code=4, next_step="sudo")

@contextlib.contextmanager
def serve():
    yield {"echo": lambda word: word, "meet": threading.Barrier(8, timeout=50).wait, "thread": threading.get_native_id,
           "hang": lambda: time.sleep(1e6), "die": lambda: os.abort(), "refuse": refuse,
           "pid": os.getpid, "open": lambda: sorted(os.listdir("/proc/self/fd")), "lambda": lambda: (lambda: 0)}

@contextlib.contextmanager
def broken():
    raise NotPermitted("no driver", call="nvmlInit", code=9)
    yield

def silent(ask):
    try:
        ask()
    except NoAnswer as silence:
        return str(silence)
"""


def run(body):
    """What a script prints, with the prelude before it."""
    script = PRELUDE + textwrap.dedent(body)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_a_question_is_answered_by_another_process():
    assert run("w = Worker(serve, timeout=60); print(w.ask('echo', 7), w.ask('pid') != os.getpid()); w.close()") == [
        "7 True"
    ]


def test_an_error_crosses_with_all_it_says():
    said = run(
        """
        w = Worker(serve, timeout=60)
        try:
            w.ask("refuse")
        except NotPermitted as error:
            print(error.summary, error.call, error.code, error.next_step)
        """
    )
    assert said == ["no nvmlDeviceSet 4 sudo"]


def test_a_service_that_cannot_be_opened_says_so_to_every_question():
    assert run(
        "print([type(a.error).__name__ for a in Worker(broken, timeout=60).ask_all([('x', ()), ('y', ())])])"
    ) == ["['NotPermitted', 'NotPermitted']"]


def test_one_that_hangs_is_killed_and_the_others_are_answered_and_a_fresh_child_goes_on():
    said = run(
        """
        w = Worker(serve, timeout=3)
        first = w.ask("pid")
        answers = w.ask_all([("echo", (1,)), ("hang", ()), ("echo", (2,))])
        print(answers[0].value, answers[2].value, answers[1].error)
        print(w.ask("echo", 3), w.ask("pid") != first, os.path.exists(f"/proc/{first}"))
        """
    )
    assert said == ["1 2 no answer within 3 s", "3 True False"]


def test_requests_that_take_long_are_worked_on_side_by_side():
    said = run(
        """
        w = Worker(serve, timeout=60)
        answers = w.ask_all([("meet", ())] * 8 + [("echo", (7,))])  # nobody leaves before all eight have come
        print(sorted(answer.value for answer in answers[:8]), answers[8].value)
        """
    )
    assert said == [f"{list(range(8))} 7"]


def test_requests_that_take_no_time_need_no_thread_each():
    said = run(
        """
        w = Worker(serve, timeout=60)
        print(len({answer.value for answer in w.ask_all([("thread", ())] * 8)}) < 8)
        """
    )
    assert said == ["True"]


def test_a_child_that_dies_is_no_answer_and_no_end():
    assert run("w = Worker(serve, timeout=60); print(silent(lambda: w.ask('die'))); print(w.ask('echo', 3))") == [
        "its process died of signal 6",
        "3",
    ]


def test_one_that_cannot_be_killed_does_not_hold_up_the_parent():
    said = run(
        """
        w = Worker(serve, timeout=0.5)
        child = w.ask("pid")
        kill, os.kill = os.kill, lambda pid, number: None
        began = time.monotonic()
        print(silent(lambda: w.ask("hang")))
        w.close()
        print(time.monotonic() - began < 60, os.path.exists(f"/proc/{child}"))
        kill(child, signal.SIGKILL)
        """
    )
    assert said == ["no answer within 0.5 s", "True True"]


def test_the_child_holds_nothing_open_that_others_wait_for():
    said = run("r, w = os.pipe(); print(len(Worker(serve, timeout=60).ask('open')))")
    # Its standard streams (nothing), its two pipes, and the folder that is being listed.
    assert said == ["6"]


def test_what_cannot_be_sent_is_an_error_and_not_a_silence():
    assert (
        "cannot be sent"
        in run(
            """
        try:
            Worker(serve, timeout=60).ask("lambda")
        except RuntimeError as failure:
            print(failure)
        """
        )[0]
    )


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_to_the_terminals_group_does_not_reach_the_change_in_hand(number):
    assert run(f"w = Worker(serve, timeout=60); os.kill(w.ask('pid'), signal.{number}); print(w.ask('echo', 1))") == [
        "1"
    ]


def test_what_was_posted_for_arrives_while_waiting():
    said = run(
        """
        w = Worker(serve, timeout=60)
        w.post("echo", "late")
        print(w.wait(30), w.has_child)
        w.post("die")
        print(w.wait(2), w.has_child)
        w.post("echo", "again")
        print(w.wait(30))
        """
    )
    assert said == ["['late'] True", "[] False", "['again']"]


def test_where_no_process_can_be_born_that_is_the_answer_and_nothing_is_left_open():
    said = run(
        """
        def none(): raise BlockingIOError(11, "Resource temporarily unavailable")
        fork, os.fork = os.fork, none
        before = len(os.listdir("/proc/self/fd"))
        w = Worker(serve, timeout=60)
        for _ in range(5):
            print(silent(lambda: w.ask("echo", 7)))
        print(len(os.listdir("/proc/self/fd")) - before)
        os.fork = fork
        print(w.ask("echo", 7))
        w.close()
        """
    )
    assert said == [*["its process cannot be started: Resource temporarily unavailable"] * 5, "0", "7"]
