"""Files that are never half written."""

from __future__ import annotations

import contextlib
import glob
import os
import time
from collections.abc import Sequence
from pathlib import Path

from esnode.errors import FileUnreadable, FileUnwritable
from esnode.records import dataclass

PRIVATE = 0o600
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LEFT_AFTER = 600.0
"""Seconds after which a temporary file is nobody's: writing one takes milliseconds."""


def read_file(path: Path, what: str) -> bytes:
    """The bytes of a file. Raises FileUnreadable, which names the file, what it was to be and its owner."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileUnreadable(f"There is no {what} at {path}", next_step="Check the path.") from None
    except IsADirectoryError:
        raise FileUnreadable(f"{path} is a directory, not a {what}") from None
    except PermissionError:
        owner = owner_of(path)
        raise FileUnreadable(
            f"The {what} {path} may not be read by this user",
            detail=f"It belongs to {owner}." if owner else "",
            next_step="Run with sudo, or have its owner give you read permission.",
        ) from None
    except OSError as failure:
        raise FileUnreadable(f"The {what} {path} cannot be read: {failure.strerror}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A file that is to be put in place.

    Owner and mode of a file that is replaced are kept; a new one gets those of `like`, where there is such
    a file, else `mode` and, in a directory of the user who called sudo, that user.
    """

    path: Path
    data: bytes
    mode: int = PRIVATE
    like: Path | None = None


def replace_file(path: Path, data: bytes, *, mode: int = PRIVATE, like: Path | None = None) -> None:
    """Put `data` at `path` so that a crash at any instant leaves the old bytes or the new ones.

    On disk when this returns. Raises FileUnwritable.
    """
    replace_files([Draft(path=path, data=data, mode=mode, like=like)])


def replace_files(drafts: Sequence[Draft], *, durable: bool = True) -> None:
    """Put files of one directory in place, in this order, so that a crash at any instant leaves each old or new.

    All of them are written before the first is put in place: when there is no room, none is. They are on disk when this
    returns; not `durable` is for what the next boot may lose. Raises FileUnwritable.
    """
    written: list[Path] = []
    path = drafts[0].path
    try:
        try:
            for draft in drafts:
                path = draft.path
                temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
                handle = os.open(temporary, _NEW, PRIVATE)
                written.append(temporary)
                _write(handle, draft, durable=durable)
            for draft, temporary in zip(drafts, written, strict=True):
                path = draft.path
                temporary.replace(path)
        except BaseException:
            for temporary in written:
                temporary.unlink(missing_ok=True)
            raise
        if durable:
            sync_directory(path.parent)
    except OSError as failure:
        raise FileUnwritable(
            f"{path} cannot be written: {failure.strerror}",
            next_step=f"Make room or give permission in {path.parent}, then run the command again.",
        ) from None


def _write(handle: int, draft: Draft, *, durable: bool) -> None:
    with os.fdopen(handle, "wb") as file:
        file.write(draft.data)
        _keep_owner_and_mode(file.fileno(), (draft.path, draft.like), draft.mode)
        file.flush()
        if durable:
            os.fsync(file.fileno())


def remove_leftovers(path: Path) -> None:
    """Delete the temporary files of runs that were killed while they replaced `path`.

    Only old ones: a run on the other side of a container's wall may be writing right now.
    """
    horizon = time.time() - _LEFT_AFTER
    with contextlib.suppress(OSError):
        for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
            if left.stat().st_mtime < horizon:
                left.unlink()


def give_to_caller(handle: int, directory: Path) -> None:
    """Under sudo, a new file in the calling user's own directory belongs to that user."""
    caller = os.environ.get("SUDO_UID", "")
    if os.geteuid() == 0 and caller.isdigit() and directory.stat().st_uid == int(caller):
        os.fchown(handle, int(caller), int(os.environ.get("SUDO_GID", "-1")))


def free_name(path: Path, suffix: str) -> Path:
    """`path` with `suffix`, and a number where that is taken: what was put aside before stays."""
    candidates = [f"{path.name}{suffix}", *(f"{path.name}{suffix}.{number}" for number in range(2, 10_000))]
    return next(candidate for name in candidates if not os.path.lexists(candidate := path.with_name(name)))


def owner_of(path: Path) -> str:
    """The name of a file's owner, "" when it cannot be told."""
    try:
        return path.owner()
    except (OSError, KeyError):
        return ""


def take_rights_of(handle: int, model: Path) -> bool:
    """Give an open file the mode and, as far as this user may, the owner of another. False without the other."""
    try:
        old = model.stat()
    except FileNotFoundError:
        return False
    os.fchmod(handle, old.st_mode & 0o7777)
    with contextlib.suppress(PermissionError):
        os.fchown(handle, old.st_uid, old.st_gid)
    return True


def _keep_owner_and_mode(handle: int, models: tuple[Path, Path | None], mode: int) -> None:
    path, like = models
    if take_rights_of(handle, path) or (like and take_rights_of(handle, like)):
        return
    os.fchmod(handle, mode)
    give_to_caller(handle, path.parent)


def sync_directory(directory: Path) -> None:
    """Make a new or renamed entry of a directory durable. Raises OSError."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
