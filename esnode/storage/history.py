"""What was managed, run by run: a file beside the state that survives the state's damage.

`STATE.history` is JSON lines, oldest first, each with a checksum of its own: one damaged line costs one
entry. An entry is the managed part as a run left it. While a run goes on its entry is replaced with
every save, so the newest entry is what is managed now; what was there before the run's first change is
put before it where it is not there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from esnode import wire
from esnode.errors import BadValue, EsnodeError
from esnode.model.state import State
from esnode.records import dataclass
from esnode.storage.files import Draft, read_file
from esnode.storage.state_document import Document, decode_document

KEPT = 50
"""Entries; the oldest go first."""

BEFORE = "before "
"""Stands before an operation's name where an entry is what that operation found."""

_LEFT_OUT = ("observed", "checksum")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """The managed part after `operation` (or before it), with lineage, serial and node. `state` has no readings."""

    at: datetime
    operation: str
    user: str
    state: State
    document: Document

    @property
    def serial(self) -> int:
        return self.state.serial


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Oldest first. `damaged` counts lines that cannot be read any more."""

    entries: tuple[HistoryEntry, ...] = ()
    damaged: int = 0

    def of_serial(self, serial: int) -> tuple[HistoryEntry, ...]:
        return tuple(entry for entry in self.entries if entry.serial == serial)

    @property
    def latest(self) -> HistoryEntry | None:
        return self.entries[-1] if self.entries else None


class HistoryFile:
    """The history of one state, written by one run. Whoever writes holds the state's lock."""

    def __init__(self, state_path: Path) -> None:
        self.state_path = state_path
        self.path = history_path(state_path)
        self._kept: list[bytes] | None = None

    def read(self) -> History:
        """Every entry that can be read; a missing file is an empty history. Raises FileUnreadable."""
        entries = [self._entry(line) for line in self._lines()]
        whole = tuple(entry for entry in entries if entry)
        return History(entries=whole, damaged=len(entries) - len(whole))

    def draft(self, document: Mapping[str, Any], before: Mapping[str, Any], operation: str, user: str) -> Draft:
        """The history with `document` as the entry of this run, to be written with the state.

        `before` is what the run found ({} where it found no state). Raises FileUnreadable.
        """
        if self._kept is None:
            self._kept = self._lines()
            if before and not self._is_latest(before):
                self._kept.append(_line(before, BEFORE + operation, user))
        lines = [*self._kept, _line(document, operation, user)]
        return Draft(path=self.path, data=b"".join(line + b"\n" for line in lines[-KEPT:]), like=self.state_path)

    def _lines(self) -> list[bytes]:
        if not self.path.exists():
            return []
        return [line for line in read_file(self.path, "state's history").splitlines() if line.strip()]

    def _is_latest(self, document: Mapping[str, Any]) -> bool:
        latest = self._entry(self._kept[-1]) if self._kept else None
        return latest is not None and latest.document == _managed_part(document)

    def _entry(self, line: bytes) -> HistoryEntry | None:
        try:
            record = wire.parse(line)
            if not wire.is_sealed(record):
                return None
            document = record["state"]
            decoded = decode_document(document, document["version"], self.path)
            return HistoryEntry(
                at=datetime.fromisoformat(record["at"]),
                operation=str(record["operation"]),
                user=str(record["user"]),
                state=decoded.state,
                document=decoded.document,
            )
        except (BadValue, EsnodeError, KeyError, TypeError, AttributeError, ValueError):
            # Whatever is wrong with a line, it is a line that cannot be put back; the others can.
            return None


def history_path(state_path: Path) -> Path:
    return state_path.with_name(state_path.name + ".history")


def _managed_part(document: Mapping[str, Any]) -> Document:
    return {name: value for name, value in document.items() if name not in _LEFT_OUT}


def _line(document: Mapping[str, Any], operation: str, user: str) -> bytes:
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "operation": operation,
        "user": user,
        "state": _managed_part(document),
    }
    return wire.sealed(entry)
