"""A state that is kept in memory: for runs that leave nothing behind."""

from __future__ import annotations

from pathlib import Path

from esnode.model.state import State
from esnode.storage.states import StateFile


class MemoryState(StateFile):
    """Loads what was last saved. No file is read, made or locked, and no user's state is touched."""

    def __init__(self, state: State) -> None:
        super().__init__(Path("in memory"))
        self._kept = state

    @property
    def exists(self) -> bool:
        return False

    def load(self) -> State:
        return self._kept

    def load_existing(self) -> State:
        return self._kept

    def save(self, state: State) -> None:
        self._kept = state

    def save_elsewhere(self, state: State) -> Path | None:
        return None
