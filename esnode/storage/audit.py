"""STATE.audit: what was done to the machine, one JSON object a line, oldest first, rotated.

Lines are only ever appended, each whole: one that a crash cut off is taken away again by the next writer, which finds
its journal entry still open and writes it anew. Whoever writes holds the state's lock.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from esnode import wire
from esnode.errors import BadValue, StateUnwritable
from esnode.model.audit import AuditEntry
from esnode.storage.files import PRIVATE, give_to_caller, sync_directory, take_rights_of

LARGEST = 8 * 2**20
"""Bytes after which a file is put aside."""

KEPT = 9
"""Files that are put aside, STATE.audit.1 the newest; the oldest goes."""

_TAIL = 256 * 1024
"""Bytes at the end in which an action is looked for that may have been written down before a crash."""


def audit_path(state_path: Path) -> Path:
    return state_path.with_name(state_path.name + ".audit")


class AuditLog:
    """The audit log of one state."""

    def __init__(self, state_path: Path) -> None:
        self.path = audit_path(state_path)
        self._state_path = state_path
        self._newest: tuple[object, tuple[AuditEntry, ...]] = (None, ())

    def record(self, entries: Sequence[AuditEntry]) -> None:
        """Append entries, on disk when this returns. Raises StateUnwritable; then none of them is there."""
        if not entries:
            return
        data = b"".join(wire.line(entry) for entry in entries)
        try:
            self._rotate(len(data))
            self._append(data)
        except OSError as failure:
            raise StateUnwritable(
                f"The audit log {self.path} cannot be written: {failure.strerror}",
                next_step=f"Make room or give permission in {self.path.parent}; nothing is changed without a record.",
            ) from None

    def record_missing(self, entries: Sequence[AuditEntry]) -> None:
        """Append those entries whose action is not there yet: its run may have died after writing it down.

        Raises StateUnwritable, also where the log cannot be read.
        """
        if not entries:
            return
        try:
            known = {entry.identity for entry in self.tail(None)}
        except OSError as failure:
            raise StateUnwritable(
                f"The audit log {self.path} cannot be read: {failure.strerror}",
                next_step="Give this user permission: what an interrupted run did is to be written down once.",
            ) from None
        self.record([entry for entry in entries if entry.identity not in known])

    def newest(self, count: int) -> tuple[AuditEntry, ...]:
        """The same as `tail`, which is read again only when the log was written to: for who asks every second."""
        stamp = (count, _stamp(self.path))
        if stamp != self._newest[0]:
            self._newest = (stamp, self.tail(count))
        return self._newest[1]

    def tail(self, count: int | None) -> tuple[AuditEntry, ...]:
        """The newest entries, oldest first; None: all near the end. Lines that cannot be read are left out.

        Raises OSError for a file that cannot be read.
        """
        lines = list(_last_lines(self.path))
        if len(lines) < (count or 1):
            lines = [*_last_lines(_aside(self.path, 1)), *lines]
        newest_first = (entry for line in reversed(lines) for entry in _entries(line))
        return tuple(islice(newest_first, count))[::-1]

    def _append(self, data: bytes) -> None:
        is_new = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            if is_new and not take_rights_of(handle, self._state_path):
                give_to_caller(handle, self.path.parent)
            size = _whole(handle)
            try:
                while data:
                    data = data[os.write(handle, data) :]
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        if is_new:
            sync_directory(self.path.parent)

    def _rotate(self, more: int) -> None:
        try:
            if self.path.stat().st_size + more <= LARGEST:
                return
        except FileNotFoundError:
            return
        for number in range(KEPT - 1, 0, -1):
            older = _aside(self.path, number)
            if older.exists():
                older.replace(_aside(self.path, number + 1))
        self.path.replace(_aside(self.path, 1))
        sync_directory(self.path.parent)


def _whole(handle: int) -> int:
    """The size of an open log, after what a crash left of a line at its end is gone."""
    size = os.fstat(handle).st_size
    end = os.pread(handle, _TAIL, max(0, size - _TAIL))
    torn = len(end) - (end.rfind(b"\n") + 1)
    if torn:
        os.ftruncate(handle, size - torn)
    return size - torn


def _last_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return
    # What comes before the first line end may be the rest of a line, what comes after the last is one cut off.
    yield from lines[1 if size > _TAIL else 0 : -1]


def _entries(line: bytes) -> Iterator[AuditEntry]:
    try:
        yield wire.typed(AuditEntry, wire.parse(line))
    except BadValue:
        return


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
