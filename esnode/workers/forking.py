"""What a forked child does first, whatever it is for: it must never outlive its parent, nor hold up anybody else."""

from __future__ import annotations

import gc
import os
import signal
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
