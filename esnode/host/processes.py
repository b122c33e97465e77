"""Who a process of this host is, as far as it takes to decide whether it may be ended.

Identity is the number together with the start in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)): a
number alone is given out again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from esnode.host.commands import printable, shown_command
from esnode.model.processes import HostProcess
from esnode.model.readings import Missing, MissingReason
from esnode.records import dataclass

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_KERNEL_THREAD: Final = 0x0020_0000  # PF_KTHREAD, include/linux/sched.h
_INITIAL_PID_NAMESPACE: Final = 0xEFFF_FFFC  # PROC_PID_INIT_INO, include/linux/proc_ns.h
_ENDED_STATES: Final = ("Z", "X", "x")
_UNINTERRUPTIBLE: Final = "D"


def describe(pid: int) -> HostProcess | Missing:
    """The process of that number, or why there is none to be seen. One that ended and was not collected is gone.

    Everything in the answer is of one process: its start is read before and after.
    """
    try:
        before = _stat(pid)
        if before.is_over:
            return _missing(f"process {pid} has ended and waits to be collected by its parent")
        described = _described(pid, before)
        return described if _stat(pid).ticks == before.ticks else _gone(pid)
    except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
        return _gone(pid)
    except (PermissionError, psutil.AccessDenied):
        return Missing(missing=MissingReason.NOT_PERMITTED, detail=f"process {pid} may not be looked at")
    except (OSError, ValueError, IndexError) as failure:
        return _missing(f"/proc/{pid} cannot be read: {failure}")


def is_same_start(one: float, other: float) -> bool:
    """Two starts in seconds since boot are the same clock tick."""
    return round(one * TICKS_PER_SECOND) == round(other * TICKS_PER_SECOND)


def is_uninterruptible(pid: int) -> bool:
    """It is in a call of the kernel that no signal ends (state D), SIGKILL included."""
    try:
        return _stat(pid).state == _UNINTERRUPTIBLE
    except (OSError, ValueError, IndexError):
        return False


def sees_host_pids(proc: Path = Path("/proc")) -> bool:
    """Whether numbers of processes mean here what they mean to the driver: in the machine's first PID namespace.

    NVML tells the host's numbers. In a container with a PID namespace of its own the same number is another
    process, or none. Where that cannot be told, the answer is no.
    """
    try:
        return (proc / "self" / "ns" / "pid").stat().st_ino == _INITIAL_PID_NAMESPACE
    except OSError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stat:
    """/proc/PID/stat, as far as it is needed."""

    state: str
    parent: int
    flags: int
    threads: int
    ticks: int

    @property
    def is_over(self) -> bool:
        """A leader whose other threads go on is shown as a zombie, too; such a process lives."""
        return self.state in _ENDED_STATES and self.threads <= 1


def _stat(pid: int) -> _Stat:
    """The name stands in parentheses and may hold any character, parentheses and spaces included."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    fields = text.rpartition(")")[2].split()  # from the third field on
    return _Stat(
        state=fields[0], parent=int(fields[1]), flags=int(fields[6]), threads=int(fields[17]), ticks=int(fields[19])
    )


def _described(pid: int, stat: _Stat) -> HostProcess:
    process = psutil.Process(pid)
    with process.oneshot():
        name = process.name()
        try:
            arguments = process.cmdline()
        except psutil.ZombieProcess:
            arguments = []
        return HostProcess(
            pid=pid,
            started=stat.ticks / TICKS_PER_SECOND,
            started_at=datetime.fromtimestamp(process.create_time(), UTC),
            name=printable(name),
            user=printable(process.username()),
            command=shown_command(arguments, name),
            is_kernel_thread=bool(stat.flags & _KERNEL_THREAD),
            is_own=_is_own(pid),
        )


def _is_own(pid: int) -> bool:
    """esnode, what it was started by, up to the first process, and what it started itself."""
    own = os.getpid()
    return pid in _lineage(own) or own in _lineage(pid)


def _lineage(pid: int) -> Iterator[int]:
    """The process and its ancestors, as far as they can be seen."""
    seen: set[int] = set()
    while pid > 0 and pid not in seen:
        yield pid
        seen.add(pid)
        try:
            pid = _stat(pid).parent
        except (OSError, ValueError, IndexError):
            return


def _gone(pid: int) -> Missing:
    return _missing(f"there is no process {pid} here: it has ended, or the number is of another PID namespace")


def _missing(detail: str) -> Missing:
    return Missing(missing=MissingReason.NOT_READ, detail=detail)
