"""Wires a machine together: the real one, a simulated one, or a capture of another."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from esnode.errors import BadInvocation
from esnode.model.hardware import (
    MachineIdKind,
    Node,
    NodeIdentity,
    Observation,
    ObservedGpu,
    Origin,
    UnidentifiedGpu,
)
from esnode.model.needs import NOTHING_MORE, Needs
from esnode.model.neighbours import NOBODY, Neighbours
from esnode.model.node_file import NO_NODE_FILE, NodeFile
from esnode.records import dataclass, field, replace
from esnode.workers import DRIVER_TIMEOUT
from esnode.workers.driver import DriverProcess
from esnode.workers.worker import Handlers, wait_for

if TYPE_CHECKING:
    from esnode.engine.ports import Actuator, Clock, Hands, PacedClock
    from esnode.model.events import GpuEvent
    from esnode.model.processes import GpuProcess
    from esnode.model.readings import Reading
    from esnode.model.writes import Write, Written
    from esnode.sensors.events import Listener
    from esnode.simulator.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What people say of a machine: in its node file, in the environment, on the command line."""

    tags: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    node_file: NodeFile = NO_NODE_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine that can be read, and its clock. `actuator` and `hands` are called only by what may write.

    `meet` reads who else is there, on GPUs that were observed; `hands` is given who is told of progress, and who says
    when to stop. `listen` has the driver tell of events from the next look on, `listens` is whether it did at the last;
    `wait` returns them as soon as there are some, else when so many seconds of the machine's clock are over or one of
    the open files given can be read. `let_go` has the driver closed while other things are done; `restart` opens it
    anew, as does every question after either. `knowing` is the same machine with other things said of it.
    """

    origin: Origin
    clock: PacedClock
    node_file: NodeFile
    observe: Callable[[Needs], Observation]
    meet: Callable[[Observation, Needs], Neighbours]
    actuator: Callable[[], Actuator]
    hands: Callable[[Callable[[str], None], Callable[[], bool]], Hands]
    listen: Callable[[], None]
    listens: Callable[[], bool]
    wait: Callable[..., tuple[GpuEvent, ...]]
    let_go: Callable[[], None]
    restart: Callable[[], None]
    knowing: Callable[[Facts], Machine]


NODE_FILE = Path("/etc/esnode/node.yaml")

Pairs = tuple[tuple[str, str], ...]


def facts(node_path: Path | None, *, tags: Pairs = (), labels: Pairs = (), is_this_machine: bool) -> Facts:
    """What is said of a machine: the node file, under the environment, under the command line.

    `is_this_machine` is false for a simulated machine and a capture: /etc/esnode/node.yaml says nothing of those.
    """
    path = node_path or (NODE_FILE if is_this_machine and NODE_FILE.exists() else None)
    node_file = _read_node_file(path) if path else NO_NODE_FILE
    return Facts(
        tags={**node_file.tags, **_given(tags, os.environ.get("ESNODE_TAGS"))},
        labels={**node_file.labels, **_given(labels, os.environ.get("ESNODE_LABELS"))},
        node_file=node_file,
    )


def _given(pairs: tuple[tuple[str, str], ...], environment: str | None) -> Mapping[str, str]:
    """Tags or labels: the environment's (`k=v,k2=v2`), under what the command line says."""
    result = {}
    for part in filter(None, (environment or "").split(",")):
        key, sign, value = part.partition("=")
        if not (key.strip() and sign):
            raise BadInvocation(f'"{part}" is not key=value', next_step="Write ESNODE_TAGS as k=v,k2=v2.")
        result[key.strip()] = value.strip()
    return {**result, **dict(pairs)}


def _read_node_file(path: Path) -> NodeFile:
    from esnode.storage.node_files.read import read_node_file

    return read_node_file(path)


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
            identity = identify_node(machine_id=given_facts.node_file.machine_id)
            yield _machine(Origin.HARDWARE, HostClock(), identity, driver, given_facts)
        return
    from esnode.simulator.world import open_world

    world = open_world(simulate)
    with _driver(world.plug, timeout) as driver:
        yield _machine(Origin.SIMULATED, world.clock, _identity_of(world), driver, given_facts)


@contextlib.contextmanager
def open_in_memory(world: World, given_facts: Facts) -> Iterator[Machine]:
    """A simulated machine of this process alone. Its driver cannot hang, so it is called without a process between."""
    from esnode.workers.inline import InlineWorker

    with DriverProcess(lambda: _handlers(world.plug), timeout=DRIVER_TIMEOUT, worker=InlineWorker) as driver:
        yield _machine(Origin.SIMULATED, world.clock, _identity_of(world), driver, given_facts)


def _identity_of(world: World) -> NodeIdentity:
    return NodeIdentity(machine_id=world.machine_id, machine_id_kind=MachineIdKind.SIMULATED, hostname=world.hostname)


def _driver(library: Callable[[], AbstractContextManager[object]], timeout: float) -> DriverProcess:
    return DriverProcess(lambda: _handlers(library), timeout=timeout)


@contextlib.contextmanager
def _handlers(library: Callable[[], AbstractContextManager[object]]) -> Iterator[Handlers]:
    """What the driver's process answers. pynvml is loaded there and nowhere else."""
    from esnode.nvml.session import DriverSession
    from esnode.sensors.gpu import observe_at

    with library(), DriverSession() as session:

        def node(listen: bool) -> tuple[int, dict[str, Reading[str]], bool]:
            versions = {
                "driver_version": session.driver_version(),
                "cuda_version": session.cuda_version(),
                "nvml_version": session.nvml_version(),
            }
            return session.count(), versions, listen and listener().start()

        def look(index: int, boot_id: str) -> ObservedGpu | UnidentifiedGpu:
            return observe_at(session, index, boot_id=boot_id)

        def write(order: Write) -> Written:
            from esnode.actuators.gpu import GpuActuator

            return GpuActuator(session).carry_out(order)

        def processes(uuid: str) -> Reading[tuple[GpuProcess, ...]]:
            from esnode.sensors.processes import list_processes

            return list_processes(session, uuid)

        @cache
        def listener() -> Listener:
            from esnode.sensors.events import Listener
            from esnode.workers.worker import tell

            return Listener(session, tell)

        yield {
            "node": node,
            "look": look,
            "write": write,
            "processes": processes,
        }


def _machine(
    origin: Origin, clock: PacedClock, identity: NodeIdentity, driver: DriverProcess, given_facts: Facts
) -> Machine:
    def observe(needs: Needs) -> Observation:
        now = clock.now()
        versions, gpus, unidentified = driver.observe(now.boot_id)
        node = Node(
            identity=identity,
            boot_id=now.boot_id,
            tags=given_facts.tags,
            labels=given_facts.labels,
            **versions,  # type: ignore[arg-type]
        )
        seen = Observation(node=node, taken_at=now, origin=origin, gpus=gpus, unidentified=unidentified)
        if needs == NOTHING_MORE:
            return seen
        from esnode.wiring.surroundings import look_around

        return look_around(seen, needs, node_file, clock)

    def meet(seen: Observation, needs: Needs) -> Neighbours:
        from esnode.wiring.surroundings import meet

        return meet(seen, needs, node_file, driver) if needs.processes or needs.cluster else NOBODY

    def hands(tell: Callable[[str], None], should_stop: Callable[[], bool]) -> Hands:
        from esnode.wiring.hands import OtherHands

        return OtherHands(node_file, driver, origin=origin, tell=tell, should_stop=should_stop)

    def wait(seconds: float, *wakers: int) -> tuple[GpuEvent, ...]:
        until = clock.monotonic() + seconds
        while (left := until - clock.monotonic()) > 0:
            news = driver.wait(clock.nap(left), *wakers)
            if news or wait_for(0, *wakers):
                return news
        return driver.wait(0, *wakers)

    node_file = given_facts.node_file
    return Machine(
        origin=origin,
        clock=clock,
        node_file=node_file,
        observe=observe,
        meet=meet,
        actuator=lambda: driver,
        hands=hands,
        listen=driver.listen,
        listens=lambda: driver.listens,
        wait=wait,
        let_go=driver.let_go,
        restart=driver.restart,
        knowing=lambda other: _machine(origin, clock, identity, driver, other),
    )


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
