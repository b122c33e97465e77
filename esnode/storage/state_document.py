"""A state's bytes and its document: checked whole, brought up to this version, decoded; and sealed again.

`document` is the JSON as it stands in the file, members that this version does not know included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from esnode import __version__, wire
from esnode.errors import BadValue, StateTooNew, StateUnreadable
from esnode.model.plan import ResourceType
from esnode.model.settings import SETTINGS
from esnode.model.state import STATE_VERSION, ManagedGpu, State
from esnode.records import dataclass

Document = dict[str, Any]

Stranger = tuple[tuple[str, ...], str, Any]
"""A member that this version does not know: the names that lead to it, its own, and its value."""

_OF_THE_FILE = ("version", "esnode_version", "checksum")
"""Members of the document that are none of the state's."""

MIGRATIONS: dict[int, Callable[[Document], Document]] = {}
"""For each version that came before: its document as one of the version after it. Version 1 is the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A state that was read. `written_as` is the version that stands in the file."""

    state: State
    document: Document
    written_as: int


def decode_state(data: bytes, path: Path) -> Decoded:
    """The state in a file's bytes. Raises StateUnreadable, or StateTooNew; `path` is only named."""
    if not data.strip():
        raise unreadable(path, "it is empty")
    whole = wire.parse_sealed(data)
    try:
        document = whole or wire.parse(data)
    except BadValue as wrong:
        raise unreadable(path, wrong.summary) from None
    if not isinstance(document, dict) or "lineage" not in document or "version" not in document:
        raise unreadable(path, "it is JSON, and no esnode state")
    version = _version(document, path)
    try:
        is_whole = whole is not None or wire.is_sealed(document)
    except BadValue as wrong:
        raise unreadable(path, wrong.summary) from None
    if not is_whole:
        raise unreadable(path, "its checksum is wrong: it was edited or damaged")
    return decode_document(document, version, path)


def decode_document(document: Document, version: int, path: Path) -> Decoded:
    """The state in a document of any version that this esnode can read. Raises StateUnreadable."""
    try:
        migrated = _migrated(document, version, path)
        state = wire.typed(State, migrated)
        _check_names(state)
    except BadValue as wrong:
        raise unreadable(path, wrong.summary) from None
    return Decoded(state=state, document=migrated, written_as=version)


def encode_state(state: State, strangers: Iterable[Stranger]) -> Document:
    """The document of `state`, with what this version does not know put back where it was, and not sealed."""
    encoded: Document = wire.plain(state)
    for path, name, value in strangers:
        place = encoded
        for step in path:
            place = place.get(step)  # type: ignore[assignment]
            if not isinstance(place, dict):
                break
        else:
            place.setdefault(name, value)
    return encoded | {"version": STATE_VERSION, "esnode_version": __version__}


def strangers_in(document: Document) -> tuple[Stranger, ...]:
    """The members of a state's document that this version does not know."""
    if not document:
        return ()
    known = {**wire.plain(wire.typed(State, document)), **dict.fromkeys(_OF_THE_FILE)}
    return tuple(_strangers(document, known, ()))


def state_bytes(document: Document) -> bytes:
    """The bytes of a state's file: its document sealed, which is the one time that it is serialized."""
    return wire.laid_out(wire.sealed(document))


def unreadable(path: Path, why: str) -> StateUnreadable:
    return StateUnreadable(
        f"The state {path} cannot be used: {why}",
        detail="It is left as it is; esnode never takes a damaged state for an absent one.",
        next_step="See what can be put back with esnode state history, then run esnode state restore SERIAL, "
        f"or esnode state restore {path}.backup.",
    )


def _version(document: Mapping[str, Any], path: Path) -> int:
    version = document["version"]
    if not isinstance(version, int) or isinstance(version, bool):
        raise unreadable(path, f"its version is {version!r}")
    if version > STATE_VERSION:
        raise StateTooNew(
            f"The state {path} has format version {version}, this esnode knows {STATE_VERSION}",
            detail=f"It was written by esnode {document.get('esnode_version', 'of a later version')}.",
            next_step="Upgrade esnode.",
        )
    return version


def _migrated(document: Document, version: int, path: Path) -> Document:
    while version < STATE_VERSION:
        step = MIGRATIONS.get(version)
        if step is None:
            raise unreadable(path, f"its format version is {version}, which no esnode ever wrote")
        version += 1
        document = {**step(document), "version": version}
    return document


def _check_names(state: State) -> None:
    """Settings are looked up by name everywhere: one that does not exist must be found here."""
    records: list[ManagedGpu] = list(state.managed.gpus.values())
    named = {name for record in records for name in record.settings}
    held = {hold.setting for record in records for hold in record.holds.values()}
    named |= held - {kind.value for kind in ResourceType}
    named |= {intent.setting for intent in state.managed.journal.values()}
    unknown = sorted(named - SETTINGS.keys())
    if unknown:
        raise BadValue(f'it manages the setting "{unknown[0]}", which this esnode does not know')


def _strangers(document: Document, known: Document, path: tuple[str, ...]) -> Iterator[Stranger]:
    for name, value in document.items():
        if name not in known:
            yield path, name, value
        elif isinstance(value, dict) and isinstance(known[name], dict):
            yield from _strangers(value, known[name], (*path, name))
