"""The state's lock: an OS lock on a sibling file, which dies with its process, and who holds it, for people."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import pwd
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from esnode import __version__
from esnode.errors import LockHeld, NotLocked, StateUnwritable, WrongLock
from esnode.records import dataclass, members
from esnode.storage.files import PRIVATE, give_to_caller, take_rights_of

LOCK_TIMEOUT = 10.0
_RETRY = 0.05
_USER_WORDS = ("SUDO_USER", "LOGNAME", "USER", "LNAME", "USERNAME")
"""Where the environment names the user: sudo's word first, then those that Python's getpass looks at."""


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
    handle = _open(path, state_path)
    try:
        _acquire(handle, path, timeout)
        with contextlib.suppress(OSError):  # on a full disk the lock is held all the same, only without a name
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(members(_holder(operation)), indent=2).encode() + b"\n", 0)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def is_locked(state_path: Path) -> bool:
    """Whether somebody holds the lock of a state file at this moment. A lock that cannot be looked at is none."""
    try:
        handle = os.open(lock_path(state_path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _is_held(handle)
    finally:
        os.close(handle)


def force_unlock(state_path: Path, lock_id: str) -> Holder:
    """Clear what a dead holder left in the lock, and say who that was.

    The kernel gave its lock back when it died, so what is left is words. A holder that lives keeps its lock:
    nobody can take it away without two runs writing one state. Raises NotLocked, WrongLock and LockHeld.
    """
    path = lock_path(state_path)
    if not path.exists():
        raise _not_locked(state_path)
    handle = _open(path, state_path)
    try:
        holder = _read_holder(handle)
        if holder and holder.id != lock_id:
            raise WrongLock(
                f"The lock of {state_path} has another ID than {lock_id}",
                detail=f"It was taken by {holder}.",
                next_step=f"If that is the one you mean: esnode force-unlock {holder.id}.",
            )
        if _is_held(handle):
            raise _alive(state_path, holder)
        if holder is None:
            raise _not_locked(state_path)
        os.ftruncate(handle, 0)
        return holder
    finally:
        os.close(handle)


def _is_held(handle: int) -> bool:
    """Held by another: a lock taken for this question is given back at once."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as failure:
        return failure.errno in (errno.EWOULDBLOCK, errno.EACCES)
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False


def _alive(state_path: Path, holder: Holder | None) -> LockHeld:
    who = f"{holder}" if holder else "somebody who has not said who it is"
    end = f"End that process: kill {holder.pid} (on {holder.who.partition('@')[2]}). " if holder else ""
    return LockHeld(
        f"The lock of {state_path} is held by a process that lives",
        detail=f"Held by {who}. esnode never breaks a living lock: two runs would write one state.",
        next_step=f"{end}Its lock ends with it, and its journal tells the next plan what was in flight.",
    )


def _not_locked(state_path: Path) -> NotLocked:
    return NotLocked(f"The state {state_path} is not locked", next_step="There is nothing to unlock.")


def lock_path(state_path: Path) -> Path:
    return state_path.with_name(state_path.name + ".lock")


def user_name() -> str:
    """The person behind this process: the one who called sudo, if any."""
    named = next((name for word in _USER_WORDS if (name := os.environ.get(word))), None)
    with contextlib.suppress(KeyError):
        return named or pwd.getpwuid(os.getuid()).pw_name
    return str(os.getuid())


def _open(path: Path, state_path: Path) -> int:
    try:
        is_new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        # Whoever may write the state must be able to lock it.
        if is_new and not take_rights_of(handle, state_path):
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
                    next_step="Name a state on a local file system with -state PATH, or, where no other esnode runs, "
                    "give -lock=false.",
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
    holder = _read_holder(handle)
    return f"Held by {holder}." if holder else "Its holder has not said who it is."


def _read_holder(handle: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(handle, 4096, 0)))
    except (ValueError, TypeError, OSError):
        return None


def _holder(operation: str) -> Holder:
    return Holder(
        id=str(uuid.uuid4()),
        operation=operation,
        who=f"{user_name()}@{os.uname().nodename}",
        pid=os.getpid(),
        version=__version__,
        since=datetime.now(UTC).isoformat(timespec="seconds"),
    )
