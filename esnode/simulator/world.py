"""A world: one simulated machine, its clock, its library and its registers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esnode.errors import FileUnreadable, WorldInvalid
from esnode.simulator import clients
from esnode.simulator.clock import WorldClock
from esnode.simulator.gpu import SimulatedGpu
from esnode.simulator.machine import Machine
from esnode.simulator.registers import MachineState, Registers, add_gpu, first_state

if TYPE_CHECKING:
    from esnode.simulator.library import Library


class World:
    """An opened world. `path` is its world file."""

    def __init__(self, path: Path, registers: Registers) -> None:
        self.path = path
        self.registers = registers

    @cached_property
    def clock(self) -> WorldClock:
        return WorldClock(self.registers)

    @cached_property
    def library(self) -> Library:
        """The driver library of this process on this machine."""
        from esnode.simulator.library import Library

        return Library(self.registers)

    @property
    def machine_id(self) -> str:
        return f"sim:{self._machine.machine_id}"

    @property
    def boot_id(self) -> str:
        return f"sim:{self.registers.state().boot_id}"

    @property
    def hostname(self) -> str:
        return self._machine.hostname

    @property
    def name(self) -> str:
        return self._machine.name

    @property
    def registers_path(self) -> Path:
        return self.registers.path

    @property
    def registers_dir(self) -> Path:
        """Where everything that belongs to this machine, and not to this host, is kept."""
        return self.registers.path.parent

    @property
    def gpus(self) -> list[SimulatedGpu]:
        """Every GPU as it is now."""
        state = self.registers.state()
        return [SimulatedGpu(state, index) for index in range(len(state.machine.gpus))]

    @property
    def _machine(self) -> Machine:
        return self.registers.state().machine

    def plug(self) -> AbstractContextManager[Library]:
        """pynvml runs on this machine inside of the block."""
        from esnode.simulator.library import Library
        from esnode.simulator.plug import plugged

        return plugged(Library(self.registers))

    def set(self, target: str | int | None, assignments: Mapping[str, str]) -> None:
        """What a foreign hand does: see `esnode.simulator.hand`."""
        from esnode.simulator.hand import assign

        assign(self.registers, target, assignments)

    def front_panel(self) -> list[Any]:
        """One PanelRow per GPU: see `esnode.simulator.panel`."""
        from esnode.simulator.panel import front_panel

        return list(front_panel(self.registers))

    def describe(self) -> str:
        from esnode.simulator.panel import describe

        return describe(self)


def registers_path(world: Path) -> Path:
    """`lab.yaml` -> `lab.registers.json`, beside it."""
    return world.with_name(f"{world.stem}.registers.json")


def open_world(path: Path | str) -> World:
    """The world of a file. Its registers are made where there are none, and brought up to date where it changed.

    Raises FileUnreadable and WorldInvalid.
    """
    path = Path(path).absolute()
    registers = Registers(registers_path(path))
    state = registers.read()
    if state is None or state.stamp[:2] != _stamp_of(path) or _capture_changed(state):
        _bring_up_to_date(path, registers, state)
    elif clients.has_dead(state):
        with registers.changing() as changed:
            clients.forget_the_dead(changed)
    return World(path, registers)


def _stamp_of(path: Path) -> list[Any]:
    try:
        stat = path.stat()
    except OSError as failure:
        raise FileUnreadable(
            f"The world {path} cannot be read: {failure.strerror}", next_step="Write one with `esnode sim init`."
        ) from None
    return [stat.st_mtime_ns, stat.st_size]


def _capture_changed(state: MachineState) -> bool:
    return False if len(state.stamp) < 5 else _stamp_of(Path(state.stamp[3])) != state.stamp[4]


def _bring_up_to_date(path: Path, registers: Registers, state: MachineState | None) -> None:
    stamp = _stamp_of(path)
    try:
        text = path.read_bytes()
    except OSError as failure:
        raise FileUnreadable(f"The world {path} cannot be read: {failure.strerror}") from None
    import hashlib

    digest = hashlib.sha256(text).hexdigest()
    if state is not None and len(state.stamp) == 3 and state.stamp[2] == digest:
        with registers.changing() as same:  # touched, not changed
            same.stamp = [*stamp, digest]
        return
    machine, captured = _machine_of(path, text)
    full = [*stamp, digest, *captured]
    first = first_state(machine, full, "")
    first.boot_id = clients.boot_id(machine.machine_id, 1, first.began_at)
    with registers.changing(make=first) as changed:
        clients.forget_the_dead(changed)
        _follow(changed, machine, full)


def _machine_of(path: Path, text: bytes) -> tuple[Machine, list[Any]]:
    """The machine, and the stamp of the capture that it was made from."""
    from esnode.simulator.manifest import read_manifest

    machine, capture = read_manifest(path, text)
    return machine, [] if capture is None else [str(capture), _stamp_of(capture)]


def _follow(state: MachineState, machine: Machine, stamp: list[Any]) -> None:
    """A world file that was edited: what it says now, while time, settings and everything unchanged go on."""
    old = state.machine
    machine = _with_known_births(machine, old)
    state.machine, state.stamp = machine, stamp
    now = state.now()
    if machine.ambient_celsius != old.ambient_celsius:
        state.ambient_celsius = machine.ambient_celsius
    if machine.speed != old.speed:
        state.set_clock(now, machine.speed)
    known = {gpu.uuid for gpu in machine.gpus}
    state.gpus = {uuid: gpu for uuid, gpu in state.gpus.items() if uuid in known}
    before = {gpu.uuid: gpu for gpu in old.gpus}
    for spec in machine.gpus:
        earlier = before.get(spec.uuid)
        if spec.uuid not in state.gpus or earlier is None:
            add_gpu(state, spec, now)
            continue
        gpu = state.gpus[spec.uuid]
        if spec.processes != earlier.processes:
            gpu.processes = None
            gpu.ended = [key for key in gpu.ended if key in {process.key for process in spec.processes}]
        if spec.ambient_celsius != earlier.ambient_celsius:
            gpu.ambient_celsius = spec.ambient_celsius
        if spec.thermal_resistance != earlier.thermal_resistance:
            gpu.thermal_resistance = spec.thermal_resistance
        if spec.out_of_band_limit_watts != earlier.out_of_band_limit_watts:
            limit = spec.out_of_band_limit_watts
            gpu.out_of_band_mw = None if limit is None else round(limit * 1000)


def _with_known_births(machine: Machine, old: Machine) -> Machine:
    """A process that the file named before is that same one, even where its number is another's by now."""
    known = {(gpu.uuid, process._replace(birth="")): process for gpu in old.gpus for process in gpu.processes}
    return machine._replace(
        gpus=tuple(
            gpu._replace(
                processes=tuple(known.get((gpu.uuid, process._replace(birth="")), process) for process in gpu.processes)
            )
            for gpu in machine.gpus
        )
    )


__all__ = ["World", "WorldInvalid", "open_world", "registers_path"]
