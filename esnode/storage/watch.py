"""The sign that a process is waiting to undo an unconfirmed apply: an OS lock that dies with it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from esnode.storage.files import PRIVATE, give_to_caller


def watch_path(state_path: Path) -> Path:
    return state_path.with_name(state_path.name + ".revert")


def watch_log(state_path: Path) -> Path:
    """Where the waiting process says what it did: nobody looks at its terminal."""
    return state_path.with_name(state_path.name + ".revert.log")


@contextlib.contextmanager
def watching(state_path: Path) -> Iterator[bool]:
    """Hold the sign. False when another process holds it already."""
    path = watch_path(state_path)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        give_to_caller(handle, path.parent)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def is_watched(state_path: Path) -> bool:
    """Whether a living process waits."""
    if not watch_path(state_path).exists():
        return False
    with contextlib.suppress(OSError), watching(state_path) as is_free:
        return not is_free
    return False
