"""A sign that a process lives: an OS lock on a file of its own, which dies with the process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from esnode.storage.files import PRIVATE, give_to_caller


@contextlib.contextmanager
def held(path: Path) -> Iterator[int | None]:
    """Hold the sign: the file's descriptor. None when another process holds it already."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        give_to_caller(handle, path.parent)
        yield handle if _takes(handle) else None
    finally:
        os.close(handle)


def _takes(handle: int) -> bool:
    """Whether the lock is ours now. One who only looks has it for an instant, which is waited for."""
    for pause in (0.001, 0.01, 0.05, None):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if pause is None:
                return False
            time.sleep(pause)
        else:
            return True
    return False


def is_held(path: Path) -> bool:
    """Whether a living process holds the sign. Any number may look at once, also those who may only read it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
