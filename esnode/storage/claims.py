"""Claims in the runtime directory: a small file for each GPU, readable for everybody."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

from esnode import wire
from esnode.errors import BadValue, EsnodeError, FileUnwritable, StateUnwritable
from esnode.model.claims import Claim, ForeignClaim, Standing
from esnode.model.state import ManagedGpu, State
from esnode.storage.files import Draft, give_to_caller, replace_files
from esnode.storage.locks import is_locked, locked
from esnode.storage.states import StateFile

RUNTIME_DIR = Path("/run/esnode")
VARIABLE = "ESNODE_RUNTIME_DIR"

_READABLE = 0o644
_SUFFIX = ".claim"


class ClaimFolder:
    """The claims of one machine. Reading needs no right and never fails: who cannot look sees none."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self, uuid: str) -> Claim | None:
        """The claim on a GPU. None where there is none, or none that can be understood."""
        return _read(self._path(uuid))

    def foreign(self, uuids: Iterable[str], lineage: str) -> dict[str, ForeignClaim]:
        """The claims of other lineages on these GPUs, each judged by the state file that it names."""
        claims = {uuid: self.read(uuid) for uuid in uuids}
        # Most often one state has all of them: it is read once.
        judge = cache(_look)
        return {
            uuid: _judged(claim, judge(claim.state))
            for uuid, claim in claims.items()
            if claim and claim.lineage != lineage
        }

    @contextlib.contextmanager
    def held(self, *, timeout: float, lock: bool = True) -> Iterator[None]:
        """Nobody else changes a claim inside of the block. Makes the directory. Raises StateUnwritable, LockHeld."""
        self._make()
        with locked(self.directory / "claims", "claim", timeout=timeout) if lock else contextlib.nullcontext():
            yield

    def claim(self, uuids: Collection[str], lineage: str, state: Path) -> None:
        """Claim these GPUs for a state, whoever had them. Raises StateUnwritable."""
        for uuid in sorted(uuids):
            claim = Claim(gpu=uuid, lineage=lineage, state=str(state.absolute()))
            if self.read(uuid) == claim:
                continue
            try:
                draft = Draft(path=self._path(uuid), data=wire.pretty(wire.plain(claim)), mode=_READABLE)
                # A claim ends with the boot, and one that is not whole is none: the next apply claims again.
                replace_files([draft], durable=False)
            except FileUnwritable as failure:
                raise _unwritable(self.directory, failure.summary) from None

    def release(self, lineage: str, *, keep: Collection[str] = ()) -> tuple[str, ...]:
        """Give up every claim of a lineage but those on the GPUs to keep. Those that could not be given up."""
        left = []
        for path in sorted(self.directory.glob(f"*{_SUFFIX}")) if self.directory.is_dir() else ():
            claim = _read(path)
            if claim is None or claim.lineage != lineage or claim.gpu in keep:
                continue
            try:
                path.unlink(missing_ok=True)
            except OSError:
                left.append(claim.gpu)
        return tuple(left)

    def _path(self, uuid: str) -> Path:
        return self.directory / f"{quote(uuid, safe='')}{_SUFFIX}"

    def _make(self) -> None:
        try:
            if not self.directory.is_dir():
                self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
                handle = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    give_to_caller(handle, self.directory.parent)
                finally:
                    os.close(handle)
            if not os.access(self.directory, os.W_OK | os.X_OK):
                raise _unwritable(self.directory, "Permission denied")
        except OSError as failure:
            raise _unwritable(self.directory, failure.strerror) from None


def managed_gpus(state: State) -> set[str]:
    """The GPUs that a state answers for: with something to give back, or a write under way."""
    in_flight = {intent.gpu for intent in state.managed.journal.values()}
    return {uuid for uuid, record in state.managed.gpus.items() if record.is_written} | in_flight


def _read(path: Path) -> Claim | None:
    try:
        claim = wire.typed(Claim, wire.parse(path.read_bytes()))
    except (OSError, BadValue):
        return None
    return claim


def _look(path: str) -> State | EsnodeError | None:
    """The state at a path, why it cannot be read, or None where there is none."""
    file = StateFile(Path(path))
    try:
        return file.load() if file.exists else None
    except EsnodeError as failure:
        return failure


def _judged(claim: Claim, state: State | EsnodeError | None) -> ForeignClaim:
    if state is None:
        return ForeignClaim(claim=claim, standing=Standing.STATE_GONE)
    if isinstance(state, EsnodeError):
        return ForeignClaim(claim=claim, standing=Standing.UNREADABLE, problem=state.summary)
    if state.lineage != claim.lineage:
        problem = "the file at that path is of another lineage"
        return ForeignClaim(claim=claim, standing=Standing.STATE_GONE, problem=problem)
    record: ManagedGpu | None = state.managed.gpus.get(claim.gpu)
    if claim.gpu in managed_gpus(state):
        return ForeignClaim(claim=claim, standing=Standing.VALID, record=record)
    if is_locked(Path(claim.state)):
        # An apply claims before it records: what it does not manage yet, it may manage in a moment.
        return ForeignClaim(claim=claim, standing=Standing.VALID, record=record, problem="it is in use right now")
    return ForeignClaim(claim=claim, standing=Standing.NOT_MANAGED)


def _unwritable(directory: Path, why: str | None) -> StateUnwritable:
    return StateUnwritable(
        f"GPUs cannot be claimed in {directory}: {why}",
        next_step=f"Run it as a user who may write there, or name another directory with {VARIABLE}.",
    )
