"""The state's lock: an OS lock on a sibling file, which dies with its process, and who holds it, for people."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import getpass
import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from esnode import __version__
from esnode.errors import LockHeld, StateUnwritable
from esnode.storage.files import PRIVATE, give_to_caller

LOCK_TIMEOUT = 10.0
_RETRY = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lock, since when and for what."""

    id: str
    operation: str
    who: str
    pid: int
    version: str
    since: str

    def __str__(self) -> str:
        return f"{self.who}, PID {self.pid}, {self.operation} since {self.since} (esnode {self.version}, ID {self.id})"


@contextlib.contextmanager
def locked(state_path: Path, operation: str, *, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """Hold the lock of a state file. Raises LockHeld after `timeout` seconds, naming the holder.

    A holder that died holds nothing: the kernel released its lock.
    """
    path = lock_path(state_path)
    handle = _open(path)
    try:
        _acquire(handle, path, timeout)
        with contextlib.suppress(OSError):  # on a full disk the lock is held all the same, only without a name
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(asdict(_holder(operation)), indent=2).encode() + b"\n", 0)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def lock_path(state_path: Path) -> Path:
    return state_path.with_name(state_path.name + ".lock")


def user_name() -> str:
    """The person behind this process: the one who called sudo, if any."""
    with contextlib.suppress(KeyError, OSError):
        return os.environ.get("SUDO_USER") or getpass.getuser()
    return str(os.getuid())


def _open(path: Path) -> int:
    try:
        is_new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        if is_new:
            give_to_caller(handle, path.parent)
    except OSError as failure:
        raise StateUnwritable(
            f"The lock {path} cannot be opened: {failure.strerror}",
            next_step="Give this user write permission there, or name another state with -state PATH.",
        ) from None
    return handle


def _acquire(handle: int, path: Path, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as failure:
            if failure.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise StateUnwritable(
                    f"The file system of {path} has no locks: {failure.strerror}",
                    next_step="Put the state on a local file system with -state PATH.",
                ) from None
        else:
            return
        if time.monotonic() >= deadline:
            raise LockHeld(
                "The state is locked by another esnode",
                detail=_describe(handle),
                next_step="Wait for it to end, or give it longer with -lock-timeout=1m.",
            )
        time.sleep(min(_RETRY, max(0.0, deadline - time.monotonic())))


def _describe(handle: int) -> str:
    try:
        return f"Held by {Holder(**json.loads(os.pread(handle, 4096, 0)))}."
    except (ValueError, TypeError, OSError):
        return "Its holder has not said who it is."


def _holder(operation: str) -> Holder:
    return Holder(
        id=str(uuid.uuid4()),
        operation=operation,
        who=f"{user_name()}@{socket.gethostname()}",
        pid=os.getpid(),
        version=__version__,
        since=datetime.now(UTC).isoformat(timespec="seconds"),
    )
