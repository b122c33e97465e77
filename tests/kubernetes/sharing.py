"""One control plane for all workers of a test run: who comes first starts it, and stops it when all are done."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kubernetes.plane import Plane, Programs, authority_in


@contextmanager
def shared_plane(folder: Path, own: Path, prepare: Callable[[Plane], None]) -> Iterator[Plane]:
    """The control plane of `folder`, which the workers share; `own` is this worker's. `prepare` is called once."""
    (folder / "users").mkdir(parents=True, exist_ok=True)
    user, address = folder / "users" / str(os.getpid()), folder / "address"
    started: Programs | None = None
    with _locked(folder):
        if not address.exists():
            started = _started(folder, prepare)
            address.write_text(started.plane.server)
        user.touch()
    try:
        yield Plane(address.read_text(), authority_in(folder), own)
    finally:
        user.unlink()
        if started:
            _stop_when_unused(folder, started)


def _started(folder: Path, prepare: Callable[[Plane], None]) -> Programs:
    programs = Programs(folder)
    programs.start()
    try:
        prepare(programs.plane)
    except BaseException:
        programs.stop()
        raise
    return programs


def _stop_when_unused(folder: Path, programs: Programs, seconds: float = 300) -> None:
    """Its starter is its parent, so the others are waited for: those that still live."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with _locked(folder):
            if not any(Path("/proc", user.name).exists() for user in (folder / "users").iterdir()):
                (folder / "address").unlink()
                programs.stop()
                return
        time.sleep(0.1)
    programs.stop()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
