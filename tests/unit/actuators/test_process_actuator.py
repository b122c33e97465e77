"""Ending real processes. One in uninterruptible sleep cannot be made for a test: there its state is only pretended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esnode.actuators import ending
from esnode.actuators.process import ProcessActuator
from esnode.errors import EsnodeError, ProcessNotEnded
from esnode.host.processes import describe
from esnode.model.processes import HostProcess
from esnode.model.readings import Missing, MissingReason, Reading
from esnode.model.writes import Done, Termination
from tests.orphans import IGNORES, NEVER_COLLECTS, OBEYS, is_running, orphan, until
from tests.places import PROJECT

NEVER: Callable[[], bool] = lambda: False  # noqa: E731


@pytest.fixture
def stranger() -> Iterator[int]:
    with orphan() as (pid, _):
        yield pid


def order(pid: int, *, grace: float = 5, started: float | None = None) -> Termination:
    found = describe(pid)
    start = started if started is not None else found.started if isinstance(found, HostProcess) else 1.0
    return Termination(pid=pid, started=start, name="train", uuid="GPU-1", grace_seconds=grace)


def end(
    *orders: Termination, listed: Reading[bool] | None = False, should_stop: Callable[[], bool] = NEVER
) -> list[Done]:
    """`listed` None: the driver lists a process for as long as it runs."""

    def still_on_gpu(uuid: str, pid: int) -> Reading[bool]:
        assert uuid == "GPU-1"
        return is_running(pid) if listed is None else listed

    actuator = ProcessActuator(still_on_gpu=still_on_gpu, sees_host_pids=True)
    done = list(actuator.end_all(orders, should_stop=should_stop))
    assert len(done) == len(orders)
    return done


def error(done: Done) -> EsnodeError:
    assert isinstance(done.error, ProcessNotEnded)
    return done.error


def test_one_that_obeys_is_ended_by_sigterm(stranger: int) -> None:
    (done,) = end(order(stranger), listed=None)
    assert done.error is None
    assert done.note.startswith("ended by SIGTERM after ")
    assert done.read_back == {"running": False, "on_gpu": False}
    assert not is_running(stranger)


def test_one_that_ignores_sigterm_is_killed_after_its_grace_period() -> None:
    with orphan(IGNORES) as (pid, _):
        (done,) = end(order(pid, grace=0.3))
        assert (done.error, done.note) == (None, "ended by SIGKILL after its grace period of 300ms")
        assert done.seconds >= 0.3
        assert not is_running(pid)


def test_several_are_ended_side_by_side() -> None:
    with orphan(IGNORES) as (one, _), orphan(IGNORES) as (other, _), orphan() as (third, _):
        began = time.monotonic()
        done = end(*(order(pid, grace=0.6) for pid in (one, other, third)))
        assert time.monotonic() - began < 1.2
        assert [outcome.note[:16] for outcome in done] == ["ended by SIGKILL", "ended by SIGKILL", "ended by SIGTERM"]


def test_one_that_has_ended_already_is_done() -> None:
    with orphan() as (pid, _):
        wanted = order(pid)
        os.kill(pid, 9)
        until(lambda: not is_running(pid))
        (done,) = end(wanted)
    assert (done.error, done.note) == (None, "had ended already")


def test_a_number_that_was_given_out_again_is_not_signalled(stranger: int) -> None:
    found = describe(stranger)
    assert isinstance(found, HostProcess)
    (done,) = end(order(stranger, started=found.started - 3600))
    assert "is another process now, python" in error(done).summary
    assert "not signalled" in error(done).summary
    assert is_running(stranger)


def test_one_that_its_parent_does_not_collect_counts_as_ended() -> None:
    with orphan(NEVER_COLLECTS) as (_, said):
        pid = int(said)
        (done,) = end(order(pid), listed=None)
        assert done.error is None
        assert done.note.startswith("ended by SIGTERM")
        assert Path(f"/proc/{pid}").exists()
        (again,) = end(order(pid), listed=None)
        assert (again.error, again.note) == (None, "had ended already")


def test_pid_1_esnode_and_its_own_are_never_signalled() -> None:
    child = subprocess.Popen([sys.executable, "-c", OBEYS], stdout=subprocess.DEVNULL)
    try:
        done = end(order(1), order(os.getpid()), order(os.getppid()), order(child.pid), order(0), order(-5))
        assert "PID 1 is never ended" in error(done[0]).summary
        assert all("esnode itself" in error(own).summary for own in done[1:4])
        assert all("no process" in error(none).summary for none in done[4:])
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_a_thread_of_the_kernel_is_never_signalled() -> None:
    comm = Path("/proc/2/comm")
    if not comm.exists() or comm.read_text() != "kthreadd\n":
        pytest.skip("no kernel threads are visible in this PID namespace")
    (done,) = end(order(2))
    assert "thread of the kernel" in error(done).summary


def test_a_number_of_another_namespace_is_not_signalled(stranger: int) -> None:
    actuator = ProcessActuator(still_on_gpu=lambda _uuid, _pid: False, sees_host_pids=False)
    (done,) = actuator.end_all([order(stranger)], should_stop=NEVER)
    assert "PID namespace of its own" in error(done).summary
    assert "hostPID" in error(done).next_step
    assert is_running(stranger)


@pytest.mark.lane("root")
def test_a_process_of_another_user_is_not_ended_without_the_right(stranger: int) -> None:
    wanted = order(stranger)
    code = (
        "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "from esnode.actuators.process import ProcessActuator\n"
        "from esnode.model.writes import Termination\n"
        "actuator = ProcessActuator(still_on_gpu=lambda u, p: True, sees_host_pids=True)\n"
        f"done = actuator.end_all([{wanted!r}], should_stop=lambda: False)[0]\n"
        "print(type(done.error).__name__, done.error.summary, done.error.next_step)"
    )
    # Imported as root: the checkout and the environment may be in places that nobody else can read.
    code = "import esnode.actuators.process, psutil, encodings.idna\n" + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ProcessNotEnded")
    assert "SIGTERM is not permitted, the process is root's" in done.stdout
    assert "CAP_KILL" in done.stdout
    assert is_running(stranger)


def test_one_that_sigkill_does_not_end_is_told_with_its_state(stranger: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending.Ending, "_signal", lambda *_arguments: None)
    monkeypatch.setattr(ending, "KILL_SECONDS", 0.1)
    (done,) = end(order(stranger, grace=0))
    assert "did not die: 100ms after SIGKILL it lives" in error(done).summary
    monkeypatch.setattr(ending, "is_uninterruptible", lambda _pid: True)
    (done,) = end(order(stranger, grace=0))
    assert "uninterruptible sleep (state D)" in error(done).summary
    assert "dmesg" in error(done).next_step


def test_one_that_the_driver_lists_for_a_moment_longer_is_waited_for(stranger: int) -> None:
    answers = [True, True, False]
    actuator = ProcessActuator(
        still_on_gpu=lambda _uuid, _pid: answers.pop(0), sees_host_pids=True, sleep=lambda _seconds: time.sleep(0.01)
    )
    (done,) = actuator.end_all([order(stranger)], should_stop=NEVER)
    assert (done.error, answers) == (None, [])


def test_one_that_is_gone_and_still_listed_is_an_error(stranger: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esnode.actuators.process.SETTLE_SECONDS", 0.2)
    (done,) = end(order(stranger), listed=True)
    assert "is gone (ended by SIGTERM" in error(done).summary
    assert "lists it on GPU-1 still" in error(done).summary
    assert done.read_back == {"running": False, "on_gpu": True}


def test_a_driver_that_does_not_answer_does_not_undo_the_end(stranger: int) -> None:
    (done,) = end(order(stranger), listed=Missing(missing=MissingReason.UNREACHABLE))
    assert done.error is None
    assert "whether the GPU is rid of it is not known: no answer in time" in done.note
    assert done.read_back == {"running": False}


def test_an_interrupt_before_leaves_everybody_alone(stranger: int) -> None:
    (done,) = end(order(stranger), should_stop=lambda: True)
    assert "not signalled: esnode was interrupted" in error(done).summary
    assert is_running(stranger)


def test_an_interrupt_during_the_grace_period_does_not_kill() -> None:
    with orphan(IGNORES) as (pid, _):
        until_then = time.monotonic() + 0.3
        (done,) = end(order(pid, grace=60), should_stop=lambda: time.monotonic() > until_then)
        assert "was told to end (SIGTERM) and had not ended yet" in error(done).summary
        assert is_running(pid)


def test_no_orders_are_no_work() -> None:
    assert end() == []


def test_no_handle_is_left_open(stranger: int) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    end(order(stranger), order(1), order(stranger))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
