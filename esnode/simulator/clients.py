"""Who has the simulated driver open, and what is lost when nobody has: the two lifetimes of settings."""

from __future__ import annotations

import os
from pathlib import Path

from esnode.simulator.gpu import is_alive
from esnode.simulator.machine import GpuSpec
from esnode.simulator.registers import MachineState


def join(state: MachineState) -> None:
    """This process opens the driver."""
    forget_the_dead(state)
    me = _name_of(os.getpid())
    state.clients[me] = state.clients.get(me, 0) + 1


def leave(state: MachineState) -> None:
    """This process closes it. The last one to do so takes the settings of GPUs without persistence mode along."""
    me = _name_of(os.getpid())
    state.clients[me] = state.clients.get(me, 0) - 1
    if state.clients[me] <= 0:
        del state.clients[me]
    forget_the_dead(state, had_clients=True)


def forget_the_dead(state: MachineState, *, had_clients: bool = False) -> None:
    """Processes that ended without a word count as closed."""
    had_clients = had_clients or bool(state.clients)
    state.clients = {name: count for name, count in state.clients.items() if _is_same(name)}
    if had_clients and not state.clients:
        for spec in state.machine.gpus:
            if not state.gpus[spec.uuid].persistence and not _is_held_open(spec):
                state.gpus[spec.uuid].let_go()


def has_dead(state: MachineState) -> bool:
    return any(not _is_same(name) for name in state.clients)


def restart_driver(state: MachineState) -> None:
    """The kernel module is reloaded: every volatile setting is gone, energy counts from 0."""
    for gpu in state.gpus.values():
        gpu.start_anew()
    state.driver_at = state.now()


def boot(state: MachineState) -> None:
    """The machine is started anew."""
    restart_driver(state)
    state.boot_number += 1
    state.boot_id = boot_id(state.machine.machine_id, state.boot_number, state.began_at)
    state.boot_at = state.now()


def boot_id(machine_id: str, number: int, began_at: float) -> str:
    """The same world, started at the same time, boots with the same ids."""
    import hashlib

    return hashlib.sha256(f"{machine_id}/{number}/{began_at}".encode()).hexdigest()[:32]


def _is_held_open(spec: GpuSpec) -> bool:
    """Work that runs on the GPU has it open, too."""
    return any(not process.is_real or is_alive(process.pid) for process in spec.processes)


def _name_of(pid: int) -> str:
    """A process number and when it began: a number alone is given out again."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return f"{pid}:"
    return f"{pid}:{stat.rpartition(')')[2].split()[19]}"


def _is_same(name: str) -> bool:
    pid = int(name.partition(":")[0])
    return is_alive(pid) and _name_of(pid) == name
