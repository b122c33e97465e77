"""Children of every kind: none outlives its parent, holds up anybody else, or is waited for without end."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import time
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def become_child(parent: int, *kept: int) -> None:
    """Called once, right after the fork. Of the open files only `kept` stay open; the child dies with `parent`."""
    gc.freeze()  # what the parent made is not to be copied for being looked at
    # Ctrl-C goes to everything on the terminal. What the child has in hand is the parent's to finish or end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _die_with(parent)
    _keep_only(*kept)


def fork_between_pipes() -> tuple[int, tuple[int, int, int, int]]:
    """The child's number, 0 in the child, and two pipes: what it reads from, what writes there, what reads from it,
    what it writes to. Raises OSError, with nothing left open, where no child can be born."""
    pipes = list[int]()
    try:
        pipes += os.pipe()
        pipes += os.pipe()
        pid = os.fork()
    except OSError:
        for handle in pipes:
            os.close(handle)
        raise
    orders, to, answers, back = pipes
    return pid, (orders, to, answers, back)


def _die_with(parent: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _keep_only(*kept: int) -> None:
    """Whoever reads our output, or waits for a lock of ours, must not have to wait for a child that hangs."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    low = 3
    for handle in sorted(kept):
        os.closerange(low, handle)
        low = handle + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def ends_within(pid: int, seconds: float) -> bool:
    """In the parent: whether its child is gone, or goes in so many seconds. Nothing is left of it then."""
    deadline, pause = time.monotonic() + seconds, 0.0005
    while True:
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return True
        except ChildProcessError:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.02)


def how_it_ended(pid: int, seconds: float) -> str:
    """In the parent: what a child died of that has ended, or is about to within so many seconds."""
    deadline, status = time.monotonic() + seconds, 0
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.001)
    if os.WIFSIGNALED(status):
        return f"its process died of signal {os.WTERMSIG(status)}"
    return "its process ended"
