"""Who has the simulated driver open, and what is lost when nobody has: the two lifetimes of settings."""

from __future__ import annotations

import os

from esnode.simulator.living import birth_of
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
    """Processes that ended without a word count as closed, and work on the GPUs no more."""
    for spec in state.machine.gpus:
        state.gpus[spec.uuid].ended += _newly_ended(state, spec)
    had_clients = had_clients or bool(state.clients)
    state.clients = {name: count for name, count in state.clients.items() if _is_same(name)}
    if had_clients and not state.clients:
        for spec in state.machine.gpus:
            if not state.gpus[spec.uuid].persistence and not _is_held_open(state, spec):
                state.gpus[spec.uuid].let_go()


def has_dead(state: MachineState) -> bool:
    """A client of the driver, or a real process that works on a GPU, has ended and nobody took notice."""
    if any(not _is_same(name) for name in state.clients):
        return True
    return any(_newly_ended(state, spec) for spec in state.machine.gpus)


def has_newly_ended(state: MachineState, spec: GpuSpec) -> bool:
    """The same for the processes of one GPU."""
    return bool(_newly_ended(state, spec))


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


def _newly_ended(state: MachineState, spec: GpuSpec) -> list[str]:
    known = state.gpus[spec.uuid].ended
    processes = state.processes_of(spec)
    return [process.key for process in processes if process.key not in known and not process.is_there]


def _is_held_open(state: MachineState, spec: GpuSpec) -> bool:
    """Work that runs on the GPU has it open, too."""
    ended = state.gpus[spec.uuid].ended
    return any(process.key not in ended for process in state.processes_of(spec))


def _name_of(pid: int) -> str:
    """A process number and when it began: a number alone is given out again."""
    return f"{pid}:{birth_of(pid)}"


def _is_same(name: str) -> bool:
    pid, _, birth = name.partition(":")
    return bool(birth) and birth_of(int(pid)) == birth
