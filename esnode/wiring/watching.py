"""Sees to it that an apply on probation has a process that undoes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from esnode.model.state import State
from esnode.storage.files import PRIVATE
from esnode.storage.states import StateFile
from esnode.storage.watch import is_watched, watch_log


def ensure_watched(state_path: Path, simulate: Path | None, node_path: str) -> None:
    """Start the process that undoes an unconfirmed apply, unless one lives.

    It has a session of its own, so neither a closed terminal nor a killed esnode ends it. On hardware
    only root can undo anything, so only root starts it.
    """
    if is_watched(state_path) or (simulate is None and os.geteuid() != 0):
        return
    words = [sys.executable, "-m", "esnode", "revert", f"--state={state_path.absolute()}"]
    words += [f"--simulate={simulate.absolute()}"] if simulate else []
    words += [f"--node={Path(node_path).absolute()}"] if node_path else []
    log = os.open(watch_log(state_path), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE)
    try:
        subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=state_path.parent
        )
    finally:
        os.close(log)


class Watched:
    """A recorder that sees to the watching process as soon as the probation is on disk: before the first write."""

    def __init__(self, file: StateFile, simulate: Path | None, node_path: str) -> None:
        self.file = file
        self.simulate = simulate
        self.node_path = node_path
        self.is_watched = False

    def save(self, state: State) -> None:
        self.file.save(state)
        # Once: one that was started a moment ago has no sign of its own yet, and a second would be one too many.
        if not self.is_watched:
            ensure_watched(self.file.path, self.simulate, self.node_path)
            self.is_watched = True
