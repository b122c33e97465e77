"""Children of every kind: none outlives its parent, holds up anybody else, or is waited for without end."""

from __future__ import annotations

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
