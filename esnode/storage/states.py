"""The state file: read strictly, written atomically, never mistaken for an absent one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from esnode import __version__, wire
from esnode.errors import BadValue, FileUnreadable, FileUnwritable, StateTooNew, StateUnreadable, StateUnwritable
from esnode.model.hardware import Observation
from esnode.model.state import STATE_VERSION, Observed, PolicyClock, State
from esnode.storage.files import read_file, remove_leftovers, replace_file
from esnode.storage.locks import locked

ERRORED_NAME = "errored.state.json"

_CLOCKS_KEPT = timedelta(days=7)
"""How long the clock of a policy that nobody judges any more is remembered."""


class StateFile:
    """One state file. Whoever saves holds its lock and has loaded it under that lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._document: dict[str, Any] = {}
        self._has_backup = False
        self._new = State(lineage=str(uuid.uuid4()))

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def load(self) -> State:
        """The state, or a new one with a lineage of its own when there is no file.

        Raises StateUnreadable for anything that is there and is not a whole, unaltered state.
        """
        if not self.exists:
            self._document = {}
            return self._new
        document = _checked(read_file(self.path, "state file"), self.path)
        try:
            state = wire.typed(State, document)
        except BadValue as wrong:
            raise _unreadable(self.path, wrong.summary) from None
        self._document = document
        return state

    def load_existing(self) -> State:
        """The same, where an absent file is an error."""
        if not self.exists:
            raise FileUnreadable(
                f"There is no state file at {self.path}",
                next_step="esnode plan makes one; -state PATH names another.",
            )
        return self.load()

    def save(self, state: State) -> None:
        """Replace the file. Members that this version does not know are carried over. Raises StateUnwritable."""
        document = self._sealed(state)
        try:
            self._back_up(state)
            replace_file(self.path, wire.pretty(document))
            remove_leftovers(self.path)
        except FileUnwritable as failure:
            raise StateUnwritable(failure.summary, next_step=failure.next_step) from None
        self._document = document

    def as_bytes(self, state: State) -> bytes:
        """What `save` would write."""
        return wire.pretty(self._sealed(state))

    def _sealed(self, state: State) -> dict[str, Any]:
        known = wire.plain(wire.typed(State, self._document)) if self._document else {}
        document: dict[str, Any] = _carry_unknown(self._document, known, wire.plain(state))
        document |= {"version": STATE_VERSION, "esnode_version": __version__}
        document["checksum"] = _checksum(document)
        return document

    def store_observation(
        self, observation: Observation, clocks: Mapping[str, PolicyClock], *, timeout: float, lock: bool = True
    ) -> None:
        """Write what a refresh saw into the observed part, and nothing else.

        The file is read again under the lock, so a managed part that changed meanwhile is kept, and an
        older observation never replaces a newer one. Raises LockHeld or StateUnwritable.
        """
        if not lock:
            self._merge_observation(observation, clocks)
            return
        with locked(self.path, "refresh", timeout=timeout):
            self._merge_observation(observation, clocks)

    def _back_up(self, state: State) -> None:
        """Keep what was there before the first change that this run makes to the managed part."""
        if self._has_backup or self._document.get("serial") in (None, state.serial):
            return
        replace_file(self.path.with_name(self.path.name + ".backup"), wire.pretty(self._document))
        self._has_backup = True

    def _merge_observation(self, observation: Observation, clocks: Mapping[str, PolicyClock]) -> None:
        state = self.load()
        self.save(with_observation(state, observation, clocks))


def save_elsewhere(state: State, path: Path) -> Path | None:
    """Where a state that its own file would not take was put instead; None when there is no such place.

    It is tried beside the state, then in the working directory.
    """
    for directory in dict.fromkeys([path.parent, Path()]):
        spare = StateFile(directory / ERRORED_NAME)
        try:
            spare.save(state)
        except StateUnwritable:
            continue
        return spare.path
    return None


def with_observation(state: State, observation: Observation, clocks: Mapping[str, PolicyClock]) -> State:
    """The state with a newer observation, and the clocks merged key by key."""
    before = state.observed
    merged = dict(before.clocks) if before else {}
    for key, clock in clocks.items():
        known = merged.get(key)
        if known is None or known.seen_at.at <= clock.seen_at.at:
            merged[key] = clock
    horizon = observation.taken_at.at - _CLOCKS_KEPT
    merged = {key: clock for key, clock in merged.items() if clock.seen_at.at >= horizon}
    is_newer = before is None or before.observation.taken_at.at <= observation.taken_at.at
    latest = observation if is_newer or before is None else before.observation
    node = state.node or observation.node.identity
    return replace(state, node=node, observed=Observed(observation=latest, clocks=merged))


def _checked(data: bytes, path: Path) -> dict[str, Any]:
    if not data.strip():
        raise _unreadable(path, "it is empty")
    try:
        document = wire.parse(data)
    except BadValue as wrong:
        raise _unreadable(path, wrong.summary) from None
    if not isinstance(document, dict) or "lineage" not in document or "version" not in document:
        raise _unreadable(path, "it is JSON, and no esnode state")
    version = document["version"]
    if not isinstance(version, int) or isinstance(version, bool):
        raise _unreadable(path, f"its version is {version!r}")
    if version > STATE_VERSION:
        raise StateTooNew(
            f"The state {path} has format version {version}, this esnode knows {STATE_VERSION}",
            detail=f"It was written by esnode {document.get('esnode_version', 'of a later version')}.",
            next_step="Upgrade esnode.",
        )
    if document.get("checksum") != _checksum(document):
        raise _unreadable(path, "its checksum is wrong: it was edited or damaged")
    return document


def _checksum(document: Mapping[str, Any]) -> str:
    return wire.digest({name: value for name, value in document.items() if name != "checksum"})


def _unreadable(path: Path, why: str) -> StateUnreadable:
    return StateUnreadable(
        f"The state {path} cannot be used: {why}",
        detail="It is left as it is; esnode never takes a damaged state for an absent one.",
        next_step=f"Put a good copy back, for example from {path}.backup or a backup of your own.",
    )


def _carry_unknown(document: Any, known: Any, new: Any) -> Any:
    """`new`, with every member of `document` that this version does not know put back where it was."""
    if not (isinstance(document, dict) and isinstance(new, dict)):
        return new
    known = known if isinstance(known, dict) else {}
    carried = {name: value for name, value in document.items() if name not in known and name not in new}
    return {
        **{name: _carry_unknown(document.get(name), known.get(name), value) for name, value in new.items()},
        **carried,
    }
