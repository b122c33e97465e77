"""A sign that a process lives: an OS lock on a file of its own, which dies with the process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from esnode.storage.files import PRIVATE, give_to_caller


@contextlib.contextmanager
def held(path: Path) -> Iterator[int | None]:
    """Hold the sign: the file's descriptor. None when another process holds it already."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        give_to_caller(handle, path.parent)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
        else:
            yield handle
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Whether a living process holds the sign."""
    if not path.exists():
        return False
    with contextlib.suppress(OSError), held(path) as handle:
        return handle is None
    return False
