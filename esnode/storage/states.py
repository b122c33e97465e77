"""The state file: read strictly, written atomically, never mistaken for an absent one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from esnode.errors import FileUnreadable, FileUnwritable, StateUnwritable
from esnode.model.hardware import Observation
from esnode.model.state import STATE_VERSION, Observed, PolicyClock, State
from esnode.records import replace
from esnode.storage.files import Draft, free_name, read_file, remove_leftovers, replace_file, replace_files
from esnode.storage.history import HistoryFile
from esnode.storage.locks import locked, user_name
from esnode.storage.state_document import (
    Document,
    Stranger,
    decode_state,
    encode_state,
    state_bytes,
    strangers_in,
)

ERRORED_NAME = "errored.state.json"

_CLOCKS_KEPT = timedelta(days=7)
"""How long the clock of a policy that nobody judges any more is remembered."""


class StateFile:
    """One state file in one run. Whoever saves holds its lock and has loaded it under that lock.

    `operation` is what the history calls a change that this run makes to the managed part.
    """

    def __init__(self, path: Path, *, operation: str = "recover") -> None:
        self.path = path
        self.operation = operation
        self._document: Document = {}
        self._data = b""
        self._strangers: tuple[Stranger, ...] | None = None
        self._known: tuple[Stamp, State] | None = None
        self._old_version: tuple[int, bytes] | None = None
        self._has_saved = False
        self._has_backup = False
        self._was_there = False
        self._history = HistoryFile(path)
        self._new = State(lineage=str(uuid.uuid4()))

    @property
    def exists(self) -> bool:
        """Whether anything at all is there; what cannot be looked at counts."""
        try:
            self.path.lstat()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def load(self) -> State:
        """The state, or a new one with a lineage of its own when there is no file.

        Raises StateUnreadable for anything that is there and is not a whole, unaltered state. A file that is still
        the one that was read or saved last is not read again.
        """
        if not self.exists:
            self._found({}, b"")
            self._known = None
            return self._new
        self._was_there = True
        stamp = _stamp(self.path)
        if self._known and stamp and self._known[0] == stamp:
            return self._known[1]
        data = read_file(self.path, "state file")
        decoded = decode_state(data, self.path)
        if decoded.written_as < STATE_VERSION:
            self._old_version = (decoded.written_as, data)
        self._found(decoded.document, data)
        # One that was replaced while it was read is read again the next time.
        self._known = (stamp, decoded.state) if stamp and stamp == _stamp(self.path) else None
        return decoded.state

    @property
    def is_as_left(self) -> bool:
        """Whether the file is still the one that was read or saved last."""
        return self._known is not None and self._known[0] == _stamp(self.path)

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
        if self._strangers is None:
            self._strangers = strangers_in(self._document)
        self._save(state, self._strangers)

    def save_over(self, state: State, document: Document) -> None:
        """The same, carrying over the unknown members of `document` instead of the file's own."""
        self._save(state, strangers_in(document))

    def _save(self, state: State, strangers: tuple[Stranger, ...]) -> None:
        new = encode_state(state, strangers)
        data = state_bytes(new)
        try:
            self._keep_old_version()
            if state.serial == self._document.get("serial", 0):
                replace_file(self.path, data)
            else:
                history = self._history.draft(new, self._document, self.operation, user_name())
                replace_files([*self._backup(), Draft(path=self.path, data=data), history])
                self._has_backup = True
        except FileUnwritable as failure:
            raise StateUnwritable(failure.summary, next_step=failure.next_step) from None
        if not self._has_saved:
            remove_leftovers(self.path)
        self._has_saved = True
        self._found(new, data)
        # What belonged to something that is gone now is gone with it.
        self._strangers = strangers_in(new) if strangers else ()
        self._was_there = True
        stamp = _stamp(self.path)
        self._known = (stamp, state) if stamp else None

    def save_elsewhere(self, state: State) -> Path | None:
        """Where a state that its own file would not take was put instead; None when there is no such place.

        It is tried beside the state, then in the working directory. `esnode state restore` takes it.
        """
        data = self.as_bytes(state)
        for directory in dict.fromkeys([self.path.parent, Path()]):
            path = directory / ERRORED_NAME
            try:
                replace_file(path, data, like=self.path)
            except FileUnwritable:
                continue
            return path
        return None

    def as_bytes(self, state: State) -> bytes:
        """What `save` would write."""
        return state_bytes(encode_state(state, self._strangers or strangers_in(self._document)))

    def store_observation(
        self, observation: Observation, clocks: Mapping[str, PolicyClock], *, timeout: float, lock: bool = True
    ) -> None:
        """Write what a refresh saw into the observed part, and nothing else.

        The file is read again under the lock, so a managed part that changed meanwhile is kept, and an
        older observation never replaces a newer one. A file that vanished since this run read it is no new
        beginning. Raises LockHeld or StateUnwritable.
        """
        if not lock:
            self._merge_observation(observation, clocks)
            return
        with locked(self.path, "refresh", timeout=timeout):
            self._merge_observation(observation, clocks)

    def _found(self, document: Document, data: bytes) -> None:
        self._document, self._data, self._strangers = document, data, None

    def _backup(self) -> list[Draft]:
        """What was there before the first change that this run makes to the managed part, to be kept."""
        if self._has_backup or not self._data:
            return []
        return [Draft(path=self.path.with_name(self.path.name + ".backup"), data=self._data, like=self.path)]

    def _keep_old_version(self) -> None:
        """A file of an older version is kept as it was, byte for byte, before it is first replaced."""
        if self._old_version is None:
            return
        version, data = self._old_version
        replace_file(free_name(self.path, f".v{version}.backup"), data, like=self.path)
        self._old_version = None

    def _merge_observation(self, observation: Observation, clocks: Mapping[str, PolicyClock]) -> None:
        if self._was_there and not self.exists:
            raise StateUnwritable(
                f"The state file {self.path} was there a moment ago and is gone",
                next_step="Bring it back with esnode state restore.",
            )
        state = self.load()
        self.save(with_observation(state, observation, clocks))


Stamp = tuple[int, ...]


def _stamp(path: Path) -> Stamp | None:
    """What tells one file from the one that replaces it: every write makes a new one."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def with_observation(state: State, observation: Observation, clocks: Mapping[str, PolicyClock]) -> State:
    """The state with a newer observation, and the clocks merged key by key."""
    before = state.observed
    merged = dict(before.clocks) if before else {}
    for key, clock in clocks.items():
        known = merged.get(key)
        if known is None or not clock.seen_at.is_before(known.seen_at):
            merged[key] = clock
    horizon = observation.taken_at.at - _CLOCKS_KEPT
    merged = {key: clock for key, clock in merged.items() if clock.seen_at.at >= horizon}
    is_newer = before is None or not observation.taken_at.is_before(before.observation.taken_at)
    latest = observation if is_newer or before is None else before.observation
    node = state.node or observation.node.identity
    return replace(state, node=node, observed=Observed(observation=latest, clocks=merged))
