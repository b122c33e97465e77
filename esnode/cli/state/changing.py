"""What the commands that change the state have in common: lock, load, change, save."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from esnode.errors import BadInvocation
from esnode.model.hardware import GpuIdentity
from esnode.model.plan import gpu_address
from esnode.model.state import State
from esnode.records import replace
from esnode.storage.locks import locked
from esnode.storage.states import StateFile

_BY_INDEX = re.compile(r"gpu\[(\d+)\]")


@contextlib.contextmanager
def opened(path: Path, operation: str, *, lock: bool, timeout: float) -> Iterator[tuple[StateFile, State]]:
    """The state, under its lock. Raises FileUnreadable where there is none, and makes no lock beside nothing."""
    file = StateFile(path, operation=operation)
    file.load_existing()
    with locked(path, operation, timeout=timeout) if lock else contextlib.nullcontext():
        yield file, file.load_existing()


def save_change(file: StateFile, state: State) -> State:
    """The state as it was saved, its serial raised by one."""
    changed = replace(state, serial=state.serial + 1)
    file.save(changed)
    return changed


def known_gpus(state: State) -> list[GpuIdentity]:
    """Every GPU that the state has a record of or has seen, by index."""
    seen = {gpu.identity.uuid: gpu.identity for gpu in (state.observed.observation.gpus if state.observed else ())}
    known = {**{uuid: record.identity for uuid, record in state.managed.gpus.items()}, **seen}
    return sorted(known.values(), key=lambda gpu: (gpu.index, gpu.uuid))


def find_gpu(text: str, gpus: Sequence[GpuIdentity]) -> GpuIdentity:
    """The GPU of an address. Raises BadInvocation also where an index is not enough to tell two GPUs apart."""
    from esnode.wiring.addresses import resolve_address

    indexed = _BY_INDEX.fullmatch(text)
    same = [gpu for gpu in gpus if indexed and gpu.index == int(indexed[1])]
    if len(same) > 1:
        raise BadInvocation(
            f"{text} could be {len(same)} GPUs of this state",
            next_step="Name the one you mean: " + " or ".join(f"'{gpu_address(gpu.uuid)}'" for gpu in same) + ".",
        )
    address = resolve_address(text, gpus)
    found = next((gpu for gpu in gpus if gpu_address(gpu.uuid) == address), None)
    if found is None:
        raise BadInvocation(f"{text} is no address of a GPU", next_step='Write gpu[0] or gpu["GPU-5d1f..."].')
    return found
