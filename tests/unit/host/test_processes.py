"""Who a process of this host is: real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from esnode.host.processes import describe, is_same_start, is_uninterruptible, sees_host_pids
from esnode.model.processes import HostProcess
from esnode.model.readings import Missing, MissingReason
from tests.orphans import NEVER_COLLECTS, OBEYS, is_running, orphan, until
from tests.places import PROJECT


def described(pid: int) -> HostProcess:
    found = describe(pid)
    assert isinstance(found, HostProcess)
    return found


def test_a_stranger_is_described_by_start_name_user_and_command() -> None:
    with orphan(OBEYS, "--model", "llama") as (pid, _):
        process = described(pid)
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        assert process.started == int(fields[19]) / os.sysconf("SC_CLK_TCK")
        assert abs(process.started_at.timestamp() - time.time()) < 30
        assert process.name.startswith("python")
        assert process.command.startswith(sys.executable)
        assert process.command.endswith("--model llama")
        assert (process.is_own, process.is_kernel_thread) == (False, False)


def test_a_start_is_the_same_to_the_clock_tick() -> None:
    started = described(os.getpid()).started
    assert is_same_start(started, float(repr(started)))
    assert not is_same_start(started, started + 0.01)


def test_esnode_its_ancestors_and_its_children_are_its_own() -> None:
    child = subprocess.Popen([sys.executable, "-c", OBEYS], stdout=subprocess.DEVNULL)
    try:
        assert [described(pid).is_own for pid in (os.getpid(), os.getppid(), child.pid)] == [True, True, True]
    finally:
        child.kill()
        child.wait()


def test_a_process_that_is_not_there_is_missing() -> None:
    with orphan() as (pid, _):
        pass
    until(lambda: not is_running(pid))
    gone = describe(pid)
    assert isinstance(gone, Missing)
    assert str(pid) in gone.detail
    assert gone.missing is MissingReason.NOT_READ


def test_a_process_that_nobody_collects_has_ended() -> None:
    with orphan(NEVER_COLLECTS) as (_, said):
        child = int(said)
        os.kill(child, 9)
        until(lambda: not is_running(child))
        assert Path(f"/proc/{child}").exists()
        zombie = describe(child)
        assert isinstance(zombie, Missing)
        assert "has ended" in zombie.detail


def test_a_thread_of_the_kernel_is_told_by_its_flag() -> None:
    if not Path("/proc/2/comm").exists() or Path("/proc/2/comm").read_text() != "kthreadd\n":
        pytest.skip("no kernel threads are visible in this PID namespace")
    kernel = described(2)
    assert (kernel.is_kernel_thread, kernel.command) == (True, "[kthreadd]")


def test_a_program_without_a_command_line_is_no_thread_of_the_kernel() -> None:
    assert described(os.getpid()).is_kernel_thread is False


def test_a_secret_in_a_command_line_is_not_read_out() -> None:
    with orphan(OBEYS, "--hf-token", "hf_abc123", "--url=https://bob:pass99@host/x") as (pid, _):
        command = described(pid).command
        assert "hf_abc123" not in command
        assert "pass99" not in command
        assert "bob:***@host" in command


def test_a_running_program_is_interruptible() -> None:
    assert is_uninterruptible(os.getpid()) is False
    assert is_uninterruptible(2**22 + 1) is False


def test_numbers_are_the_hosts_in_the_first_pid_namespace_only(tmp_path: Path) -> None:
    initial = Path("/proc/self/ns/pid").stat().st_ino == 4026531836
    assert sees_host_pids() is initial
    assert sees_host_pids(tmp_path) is False


@pytest.mark.lane("root")
def test_in_a_pid_namespace_of_its_own_numbers_are_not_the_hosts() -> None:
    code = "from esnode.host.processes import sees_host_pids, describe; print(sees_host_pids(), describe(1).pid)"
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    assert done.stdout == "False 1\n"
