"""The claims of one apply: taken before its first write, kept for what is managed when it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from esnode.diagnostics import Diagnostic
from esnode.engine.claims import changed_gpus, check_claims, take_over
from esnode.errors import EsnodeError, PlanRefused, StateUnwritable
from esnode.model.plan import Plan
from esnode.model.state import State
from esnode.records import dataclass, replace
from esnode.storage.claims import ClaimFolder, managed_gpus
from esnode.storage.states import StateFile
from esnode.wiring.machine import runtime_dir


@dataclass(frozen=True, slots=True, kw_only=True)
class Claiming:
    """How an apply claims. `tell` is given a note on every claim that changes hands."""

    simulate: Path | None
    take_over: bool
    lock: bool
    timeout: float
    tell: Callable[[Diagnostic], None]


@contextlib.contextmanager
def claimed(plan: Plan, state: State, file: StateFile, how: Claiming) -> Iterator[State]:
    """The state to apply with, its GPUs claimed; it holds the baselines of a take-over, and is saved.

    Raises PlanRefused, with nothing touched, when a GPU is another state's or claims cannot be written.
    """
    folder = ClaimFolder(runtime_dir(how.simulate))
    try:
        with folder.held(timeout=how.timeout, lock=how.lock):
            state = _claim(plan, state, file, folder, how)
    except StateUnwritable as failure:
        raise PlanRefused(f"Nothing was touched: {failure.summary}", next_step=failure.next_step) from None
    try:
        yield state
    finally:
        release_unmanaged(file, state.lineage, folder)


def release_unmanaged(file: StateFile, lineage: str, folder: ClaimFolder) -> tuple[str, ...]:
    """Give up the claims on GPUs that the saved state does not manage; the GPUs whose claim would not go.

    A state that cannot be read keeps every claim.
    """
    try:
        keep = managed_gpus(file.load())
    except EsnodeError:
        return ()
    return folder.release(lineage, keep=keep)


def _claim(plan: Plan, state: State, file: StateFile, folder: ClaimFolder, how: Claiming) -> State:
    changed = changed_gpus(plan)
    foreign = folder.foreign(changed, state.lineage)
    check_claims(plan, foreign, take_over=how.take_over)
    taken = take_over(plan, state, foreign)
    if taken.state.managed != state.managed:
        state = replace(taken.state, serial=state.serial + 1)
        file.save(state)
    # A claim on another GPU that is managed here went with the last boot, or is another state's by now.
    ours = {uuid for uuid in managed_gpus(state) if not folder.read(uuid)}
    folder.claim({*changed, *ours}, state.lineage, file.path)
    for note in taken.notes:
        how.tell(note)
    return state
