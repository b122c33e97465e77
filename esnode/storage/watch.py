"""The sign that a process is waiting to undo an unconfirmed apply."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from esnode.storage.signs import held, is_held


def watch_path(state_path: Path) -> Path:
    return state_path.with_name(state_path.name + ".revert")


def watch_log(state_path: Path) -> Path:
    """Where the waiting process says what it did: nobody looks at its terminal."""
    return state_path.with_name(state_path.name + ".revert.log")


@contextlib.contextmanager
def watching(state_path: Path) -> Iterator[bool]:
    """Hold the sign. False when another process holds it already."""
    with held(watch_path(state_path)) as handle:
        yield handle is not None


def is_watched(state_path: Path) -> bool:
    """Whether a living process waits."""
    return is_held(watch_path(state_path))
