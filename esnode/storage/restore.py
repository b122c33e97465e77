"""The way back for the state itself: an earlier managed part, or another file of the same lineage, put in place."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from esnode import wire
from esnode.errors import (
    BadInvocation,
    BadValue,
    EsnodeError,
    FileUnwritable,
    StateForeign,
    StateTooNew,
    StateUnreadable,
)
from esnode.model.state import State
from esnode.records import dataclass, replace
from esnode.storage.files import free_name, read_file, replace_file
from esnode.storage.history import HistoryEntry, HistoryFile
from esnode.storage.state_document import Document, decode_state
from esnode.storage.states import StateFile

_LARGEST_SERIAL = 2**53 - 1
"""The largest integer that every reader of JSON knows; a damaged file may claim more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put in place. `kept_aside` is where the file went that could not be read; `problem` says why not."""

    state: State
    source: str
    source_serial: int
    kept_aside: Path | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    state: State
    document: Document
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Present:
    """What is at the state's path now. `state` is None when nothing is there, or nothing readable."""

    state: State | None
    document: Document
    problem: str = ""


def restore_state(path: Path, wanted: str, *, force: bool = False) -> Restored:
    """Put back the managed part of a serial of the history, or of a file. Whoever calls holds the lock.

    What stands at `path` now is kept: in the history when it is readable, else under a name of its own. The
    new serial is higher than every one that was seen. The readings that are there stay, where they can be read.
    Raises BadInvocation (no such serial), StateUnreadable (the source), StateForeign (another lineage, without
    `force`), StateTooNew and StateUnwritable.
    """
    file = StateFile(path, operation="restore")
    present = _present(file)
    history = HistoryFile(path).read()
    source = _from_history(path, history.of_serial(int(wanted)), wanted) if wanted.isdecimal() else _from_file(wanted)
    lineages = {present.state.lineage} if present.state else {entry.state.lineage for entry in history.entries[-1:]}
    lineages = lineages or _loose_lineage(present)
    if not force and lineages and source.state.lineage not in lineages:
        raise StateForeign(
            f"{source.words} is of another lineage than the state {path}",
            detail=f"Its lineage is {source.state.lineage}, the state's is {min(lineages)}.",
            next_step="Name a state of this lineage. To put it there all the same: esnode state restore -force.",
        )
    serials = [entry.serial for entry in history.entries] + [source.state.serial, _loose_serial(present)]
    serials += [present.state.serial] if present.state else []
    state = replace(
        source.state,
        serial=min(max(serials) + 1, _LARGEST_SERIAL),
        observed=present.state.observed if present.state else source.state.observed,
    )
    aside = _keep_aside(path) if present.problem else None
    file.save_over(state, source.document)
    return Restored(
        state=state,
        source=source.words,
        source_serial=source.state.serial,
        kept_aside=aside,
        problem=present.problem,
    )


def _present(file: StateFile) -> _Present:
    if not file.exists:
        return _Present(state=None, document={})
    try:
        return _Present(state=file.load(), document={})
    except StateTooNew:
        raise
    except StateUnreadable as damage:
        document: Document = {}
        with contextlib.suppress(BadValue):
            parsed = wire.parse(read_file(file.path, "state file"))
            document = parsed if isinstance(parsed, dict) else {}
        return _Present(state=None, document=document, problem=damage.summary)


def _loose_lineage(present: _Present) -> set[str]:
    """What a damaged file still says of itself: good enough to refuse by, not to work with."""
    lineage = present.document.get("lineage")
    return {lineage} if isinstance(lineage, str) and lineage else set()


def _loose_serial(present: _Present) -> int:
    serial = present.document.get("serial")
    return serial if isinstance(serial, int) and 0 <= serial < _LARGEST_SERIAL else 0


def _from_history(path: Path, entries: tuple[HistoryEntry, ...], wanted: str) -> _Source:
    if not entries:
        raise BadInvocation(
            f"The history of {path} has no serial {wanted}",
            next_step="esnode state history lists them. A file that has only digits for its name: ./NAME.",
        )
    entry = entries[-1]
    words = f"Serial {wanted} ({entry.operation} by {entry.user})"
    return _Source(state=entry.state, document=entry.document, words=words)


def _from_file(name: str) -> _Source:
    try:
        decoded = decode_state(read_file(Path(name), "state file"), Path(name))
    except StateTooNew:
        raise
    except StateUnreadable as damage:
        raise StateUnreadable(
            damage.summary, detail="Nothing was changed.", next_step="esnode state history lists what can be put back."
        ) from None
    return _Source(state=decoded.state, document=decoded.document, words=name)


def _keep_aside(path: Path) -> Path:
    """A second name for the damaged file: the state's own name is never free, not even for an instant."""
    aside = free_name(path, ".damaged")
    try:
        os.link(path, aside)
    except OSError:
        _copy(path, aside)
    return aside


def _copy(path: Path, aside: Path) -> None:
    try:
        replace_file(aside, read_file(path, "state file"), like=path)
    except FileUnwritable as failure:
        raise EsnodeError(
            f"The damaged state {path} cannot be kept aside, so it stays where it is: {failure.summary}",
            next_step=failure.next_step,
        ) from None
