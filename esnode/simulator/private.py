"""A simulated machine that no other program shares: its registers are in memory, its clock moves when it is told to.

A thousand looks at it take a second. Nothing is left of it afterwards.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from esnode.errors import WorldInvalid
from esnode.simulator import clients
from esnode.simulator.machine import Machine
from esnode.simulator.manifest import read_manifest
from esnode.simulator.registers import MachineState, Registers, first_state
from esnode.simulator.world import World

_STARTS_AT: Final = 1_767_225_600.0  # 2026-01-01T00:00:00Z: the same story is always told at the same time


class MemoryRegisters(Registers):
    """Registers of one process alone. As in a file, what somebody looks at does not change under their eyes."""

    def __init__(self, path: Path, state: MachineState) -> None:
        super().__init__(path)
        self._present = state

    def read(self) -> MachineState:
        return self._present

    def state(self) -> MachineState:
        return self._present

    @contextlib.contextmanager
    def changing(self, make: MachineState | None = None) -> Iterator[MachineState]:
        state = self._present.copy()
        state.advance_bodies(state.now())
        yield state
        self._present = state


def private_world(text: bytes, path: Path) -> World:
    """The machine that a world file's text describes. `path` is where the text lies: captures are found beside it.

    Whoever runs it may write settings, no call takes its time and no process of the host is on it: what happens
    depends on the text alone. Raises WorldInvalid and FileUnreadable.
    """
    machine, _ = read_manifest(path, text)
    machine = _hermetic(machine)
    state = first_state(machine, [], clients.boot_id(machine.machine_id, 1, machine.starts_at or 0.0))
    return World(path, MemoryRegisters(path, state))


def check_hand(value: str) -> None:
    """Raises WorldInvalid for a fault that would hold up the one process that there is."""
    if "hang" in value or "slow" in value:
        raise WorldInvalid(
            f"{value} cannot be told in a story: there is nobody to wait for it",
            next_step="Use gpu_lost, sensor_error, timeout, no_permission, not_supported, in_use or lying_setter.",
        )


def _hermetic(machine: Machine) -> Machine:
    gpus = tuple(
        gpu._replace(processes=tuple(process._replace(is_real=False, birth="") for process in gpu.processes))
        for gpu in machine.gpus
    )
    return machine._replace(
        gpus=gpus,
        speed=0.0,
        starts_at=machine.starts_at or _STARTS_AT,
        root_required=False,
        cold_handle_seconds=0.0,
        setter_seconds=0.0,
    )
