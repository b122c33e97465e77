"""Wires a machine together: the real one, a simulated one, or a capture of another."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from esnode.cli.options import DRIVER_TIMEOUT, given
from esnode.engine.ports import Actuator, Clock
from esnode.model.hardware import (
    MachineIdKind,
    Node,
    NodeIdentity,
    Observation,
    ObservedGpu,
    Origin,
    UnidentifiedGpu,
)
from esnode.model.readings import Reading
from esnode.model.writes import Write, Written
from esnode.workers.driver import DriverProcess
from esnode.workers.worker import Handlers


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What people say of a machine."""

    tags: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine that can be read, and its clock. `actuator` is called only by what may write."""

    origin: Origin
    clock: Clock
    observe: Callable[[], Observation]
    actuator: Callable[[], Actuator]


def facts(tags: tuple[tuple[str, str], ...], labels: tuple[tuple[str, str], ...]) -> Facts:
    return Facts(tags=given(tags, os.environ.get("ESNODE_TAGS")), labels=given(labels, os.environ.get("ESNODE_LABELS")))


def read_capture(path: Path, given_facts: Facts) -> Observation:
    """What a capture shows, with the tags and labels given for its machine."""
    from esnode.sensors.captures import read_capture as read

    observation = read(path)
    return replace(observation, node=replace(observation.node, tags=given_facts.tags, labels=given_facts.labels))


def machine_clock(simulate: Path | None) -> Clock:
    """The machine's clock alone, without its driver."""
    if simulate is None:
        from esnode.sensors.node import HostClock

        return HostClock()
    from esnode.simulator.world import open_world

    return open_world(simulate).clock


@contextlib.contextmanager
def open_machine(simulate: Path | None, given_facts: Facts, *, timeout: float = DRIVER_TIMEOUT) -> Iterator[Machine]:
    """This machine, or the simulated one; each answer of its driver takes `timeout` seconds at most.

    The driver is opened meanwhile: asking it raises DriverUnavailable where there is none, DriverTimeout where
    it hangs.
    """
    if simulate is None:
        from esnode.sensors.node import HostClock, identify_node

        with _driver(contextlib.nullcontext, timeout) as driver:
            yield _machine(Origin.HARDWARE, HostClock(), identify_node(), driver, given_facts)
        return
    from esnode.simulator.world import open_world

    world = open_world(simulate)
    identity = NodeIdentity(
        machine_id=world.machine_id, machine_id_kind=MachineIdKind.SIMULATED, hostname=world.hostname
    )
    with _driver(world.plug, timeout) as driver:
        yield _machine(Origin.SIMULATED, world.clock, identity, driver, given_facts)


def _driver(library: Callable[[], AbstractContextManager[object]], timeout: float) -> DriverProcess:
    return DriverProcess(lambda: _handlers(library), timeout=timeout)


@contextlib.contextmanager
def _handlers(library: Callable[[], AbstractContextManager[object]]) -> Iterator[Handlers]:
    """What the driver's process answers. pynvml is loaded there and nowhere else."""
    from esnode.nvml.session import DriverSession
    from esnode.sensors.gpu import observe_at

    with library(), DriverSession() as session:

        def versions() -> dict[str, Reading[str]]:
            return {
                "driver_version": session.driver_version(),
                "cuda_version": session.cuda_version(),
                "nvml_version": session.nvml_version(),
            }

        def look(index: int, boot_id: str) -> ObservedGpu | UnidentifiedGpu:
            return observe_at(session, index, boot_id=boot_id)

        def write(order: Write) -> Written:
            from esnode.actuators.gpu import GpuActuator

            return GpuActuator(session).carry_out(order)

        yield {"count": session.count, "versions": versions, "look": look, "write": write}


def _machine(
    origin: Origin, clock: Clock, identity: NodeIdentity, driver: DriverProcess, given_facts: Facts
) -> Machine:
    def observe() -> Observation:
        now = clock.now()
        gpus, unidentified = driver.observe(now.boot_id)
        node = Node(
            identity=identity,
            boot_id=now.boot_id,
            tags=given_facts.tags,
            labels=given_facts.labels,
            **driver.versions(),  # type: ignore[arg-type]
        )
        return Observation(node=node, taken_at=now, origin=origin, gpus=gpus, unidentified=unidentified)

    return Machine(origin=origin, clock=clock, observe=observe, actuator=lambda: driver)


def runtime_dir(simulate: Path | None) -> Path:
    """Where this machine's claims are: a simulated machine's beside its registers, unless ESNODE_RUNTIME_DIR says."""
    from esnode.storage.claims import RUNTIME_DIR, VARIABLE

    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    if simulate is None:
        return RUNTIME_DIR
    from esnode.simulator.world import registers_path

    registers = registers_path(simulate.absolute())
    return registers.with_name(registers.name.removesuffix(".registers.json") + ".run")
