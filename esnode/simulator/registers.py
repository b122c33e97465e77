"""The registers of a simulated machine: one JSON file that every program on it shares.

Readers look at the file's stamp and parse it only when it changed. Writers hold the lock beside it,
read, change and replace the file as a whole, so nobody ever sees half a change.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from esnode.errors import WorldInvalid
from esnode.records import dataclass, field, members, replace
from esnode.simulator.machine import GpuSpec, Machine, SimulatedProcess, machine_from_json
from esnode.simulator.physics import Body, Conditions, Sharing, advance, settle

FORMAT: Final = 1
_UPTIME_AT_START: Final = 600.0  # the machine had been up for a while when somebody first looked

_NOT_YET: Final = Body(at=0.0, temperature=0.0, average_watts=0.0)

Lock = tuple[int, int]
Stamp = tuple[int, int, int]


@dataclass(kw_only=True, eq=False)
class GpuState:
    """What one GPU remembers. The first block is lost when the driver lets go of the GPU.

    `processes` takes the place of the world file's, once a hand has changed them; `ended` are the keys of those
    that were found to have ended.
    """

    power_limit_mw: int | None = None
    module_limit_mw: int | None = None
    graphics_lock: Lock | None = None
    memory_lock: Lock | None = None
    application_clocks: Lock | None = None
    compute_mode: int = 0
    accounting: bool = False

    persistence: bool = True
    ecc_current: bool = False
    ecc_pending: bool = False
    mig_current: bool = False
    mig_pending: bool = False
    out_of_band_mw: int | None = None
    ambient_celsius: float | None = None
    thermal_resistance: float | None = None
    generation: int = 0
    pins: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    xids: list[int] = field(default_factory=list)
    processes: list[SimulatedProcess] | None = None
    ended: list[str] = field(default_factory=list)
    body: Body = _NOT_YET

    def copy(self) -> GpuState:
        return replace(
            self,
            pins=dict(self.pins),
            faults=list(self.faults),
            xids=list(self.xids),
            processes=None if self.processes is None else list(self.processes),
            ended=list(self.ended),
        )

    def let_go(self) -> None:
        """What the driver does when the last client closes a GPU that is not persistent."""
        self.power_limit_mw = None
        self.module_limit_mw = None
        self.graphics_lock = None
        self.memory_lock = None
        self.application_clocks = None
        self.compute_mode = 0
        self.accounting = False

    def start_anew(self) -> None:
        """After a reset, a driver reload or a boot: nothing volatile is left, pending modes are in force."""
        self.let_go()
        self.persistence = False
        self.ecc_current = self.ecc_pending
        self.mig_current = self.mig_pending
        self.generation += 1
        self.faults = [fault for fault in self.faults if not fault.startswith("gpu_lost")]
        body = self.body
        self.body = Body(at=body.at, temperature=body.temperature, average_watts=body.average_watts)


@dataclass(kw_only=True, eq=False)
class MachineState:
    """The whole file. World times are seconds since the Unix epoch on the world's own wall clock.

    `writes` counts those of which there is a record.
    """

    machine: Machine
    stamp: list[Any]
    world_seconds: float
    real_seconds: float
    speed: float
    ambient_celsius: float
    began_at: float
    boot_number: int
    boot_id: str
    boot_at: float
    driver_at: float
    writes: int = 0
    clients: dict[str, int] = field(default_factory=dict)
    gpus: dict[str, GpuState] = field(default_factory=dict)

    def copy(self) -> MachineState:
        """One to be changed while others look at this one."""
        return replace(self, clients=dict(self.clients), gpus={uuid: gpu.copy() for uuid, gpu in self.gpus.items()})

    def now(self) -> float:
        """World seconds. The clock never goes back, even when the host's does."""
        return self.world_seconds + max(0.0, time.time() - self.real_seconds) * self.speed

    def set_clock(self, world_seconds: float, speed: float) -> None:
        self.world_seconds, self.real_seconds, self.speed = world_seconds, time.time(), speed

    def conditions(self, spec: GpuSpec) -> Conditions:
        """What acts on one of the GPUs now."""
        gpu, board = self.gpus[spec.uuid], spec.board
        application = gpu.application_clocks
        return Conditions(
            board=board,
            workload=spec.workload,
            began_at=self.began_at,
            ambient_celsius=_first(gpu.ambient_celsius, self.ambient_celsius),
            thermal_resistance=_first(gpu.thermal_resistance, board.thermal_resistance),
            limit_watts=self.enforced_mw(spec) / 1000,
            graphics_lock=gpu.graphics_lock,
            memory_lock=gpu.memory_lock,
            application_clock_mhz=application[1] if application else None,
            pinned_utilization=gpu.pins.get("gpu_utilization"),
            sharing=_sharing(self.processes_of(spec), gpu.ended),
        )

    def processes_of(self, spec: GpuSpec) -> list[SimulatedProcess]:
        """Every process that has or had the GPU open."""
        changed = self.gpus[spec.uuid].processes
        return list(spec.processes) if changed is None else changed

    def requested_mw(self, spec: GpuSpec) -> int:
        """The power limit that NVML's clients asked for, else the default."""
        return self.gpus[spec.uuid].power_limit_mw or round(spec.board.power.default * 1000)

    def enforced_mw(self, spec: GpuSpec) -> int:
        """The lowest of the requested limit and the one that comes from out of band."""
        return min(self.requested_mw(spec), self.gpus[spec.uuid].out_of_band_mw or 2**32)

    def body(self, spec: GpuSpec) -> Body:
        """The GPU's body now."""
        return advance(self.conditions(spec), self.gpus[spec.uuid].body, self.now())

    def advance_bodies(self, now: float) -> None:
        """Bring every GPU up to `now` under the conditions that held until then; call before changing them."""
        for spec in self.machine.gpus:
            gpu = self.gpus[spec.uuid]
            gpu.body = advance(self.conditions(spec), gpu.body, now)

    def to_json(self) -> dict[str, Any]:
        plain = {**members(self), "format": FORMAT, "machine": self.machine.to_json()}
        plain["gpus"] = {uuid: {**members(gpu), "body": gpu.body._asdict()} for uuid, gpu in self.gpus.items()}
        return plain


def _sharing(processes: list[SimulatedProcess], ended: list[str]) -> Sharing:
    living = [process for process in processes if process.key not in ended]
    sharers, left = (sum(process.sm_utilization is None for process in group) for group in (processes, living))
    return Sharing(
        stated=sum(process.sm_utilization or 0.0 for process in processes),
        living=sum(process.sm_utilization or 0.0 for process in living),
        rest=left / sharers if sharers else 1.0,
    )


def _first(value: float | None, default: float) -> float:
    return default if value is None else value


def first_state(machine: Machine, stamp: list[Any], boot_id: str) -> MachineState:
    """The registers of a machine that nobody has used yet: up for ten minutes, at its idle temperature."""
    start = time.time() if machine.starts_at is None else machine.starts_at
    state = MachineState(
        machine=machine,
        stamp=stamp,
        world_seconds=start,
        real_seconds=time.time(),
        speed=machine.speed,
        ambient_celsius=machine.ambient_celsius,
        began_at=start,
        boot_number=1,
        boot_id=boot_id,
        boot_at=start - _UPTIME_AT_START,
        driver_at=start - _UPTIME_AT_START,
    )
    for spec in machine.gpus:
        add_gpu(state, spec, start)
    return state


def add_gpu(state: MachineState, spec: GpuSpec, now: float) -> None:
    """Put a GPU of the world file into the registers, in the state that the file gives it."""
    board = spec.board
    ecc = board.has_ecc if spec.ecc is None else spec.ecc
    gpu = GpuState(
        power_limit_mw=_milliwatts(spec.power_limit_watts),
        compute_mode=spec.compute_mode,
        persistence=spec.persistence,
        ecc_current=ecc,
        ecc_pending=ecc,
        mig_current=spec.mig,
        mig_pending=spec.mig,
        out_of_band_mw=_milliwatts(spec.out_of_band_limit_watts),
        ambient_celsius=spec.ambient_celsius,
        thermal_resistance=spec.thermal_resistance,
    )
    state.gpus[spec.uuid] = gpu
    conditions = state.conditions(spec)
    body = settle(conditions, now)
    gpu.body = Body(
        at=now,
        temperature=body.temperature,
        average_watts=body.average_watts,
        joules=body.average_watts * max(0.0, now - state.driver_at),
    )


def _milliwatts(watts: float | None) -> int | None:
    return None if watts is None else round(watts * 1000)


class Registers:
    """The registers' file. `path` need not be there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = os.fspath(path)
        self._seen: tuple[Stamp, MachineState] | None = None
        self._machine: tuple[Any, Machine] | None = None

    def read(self) -> MachineState | None:
        """The present state, for looking only; None where there is no file. Raises WorldInvalid."""
        try:
            stamp = _stamp(self._text)
        except FileNotFoundError:
            return None
        seen = self._seen
        if seen is None or seen[0] != stamp:
            self._seen = seen = stamp, self._parse()
        return seen[1]

    def state(self) -> MachineState:
        """The present state, for looking only. Raises WorldInvalid when it is gone."""
        state = self.read()
        if state is None:
            raise WorldInvalid(
                f"The registers {self.path} are gone", next_step="Open the world again: they are made anew from it."
            )
        return state

    @contextlib.contextmanager
    def changing(self, make: MachineState | None = None) -> Iterator[MachineState]:
        """The state, to be changed; it is written when the block ends without an exception.

        `make` is what to begin with where there is no file. GPUs are brought up to now first.
        """
        with self.locked():
            state = self._fresh() or make
            if state is None:
                raise WorldInvalid(f"The registers {self.path} are gone", next_step="Open the world again.")
            state.advance_bodies(state.now())
            yield state
            self._write(state)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the registers' lock. A holder that died holds nothing."""
        path = self.path.with_name(self.path.name + ".lock")
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as failure:
            raise _unwritable(path, failure) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _fresh(self) -> MachineState | None:
        """A copy of one's own: what others look at must not change under their eyes."""
        state = self.read()
        return state.copy() if state else None

    def _parse(self) -> MachineState:
        try:
            document = json.loads(self.path.read_bytes())
            if document.pop("format") != FORMAT:
                raise ValueError("another version of esnode wrote it")
            document["gpus"] = {uuid: _gpu_from_json(gpu) for uuid, gpu in document["gpus"].items()}
            return MachineState(**{**document, "machine": self._machine_of(document["machine"])})
        except (ValueError, KeyError, TypeError, AttributeError) as wrong:
            raise WorldInvalid(
                f"{self.path} is not a file of registers: {wrong}",
                next_step="Delete it: the machine then starts as its world file says.",
            ) from None
        except OSError as failure:
            raise WorldInvalid(f"{self.path} cannot be read: {failure.strerror}") from None

    def _machine_of(self, document: dict[str, Any]) -> Machine:
        """Most of the file, and it hardly ever changes."""
        known = self._machine
        if known is None or known[0] != document:
            self._machine = known = document, machine_from_json(document)
        return known[1]

    def _write(self, state: MachineState) -> None:
        data = json.dumps(state.to_json(), separators=(",", ":"), allow_nan=False).encode()
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            temporary.write_bytes(data)
            self._keep_rights(temporary)
            # A file system's own clock ticks too slowly to tell two changes apart.
            os.utime(temporary, ns=(time.time_ns(), time.time_ns()))
            stamp = _stamp(temporary)
            temporary.replace(self.path)
        except OSError as failure:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise _unwritable(self.path, failure) from None
        self._seen = stamp, state  # nobody changes it any more

    def _keep_rights(self, temporary: Path) -> None:
        """A file made by root beside a user's world belongs to that user, who goes on with it later."""
        owner = self.path.stat() if self.path.exists() else self.path.parent.stat()
        if os.geteuid() == 0:
            os.chown(temporary, owner.st_uid, owner.st_gid)
            with contextlib.suppress(OSError):
                os.chown(self.path.with_name(self.path.name + ".lock"), owner.st_uid, owner.st_gid)


def _stamp(path: str | Path) -> Stamp:
    stat = os.stat(path)  # noqa: PTH116 - the price of every call of the driver
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _gpu_from_json(document: dict[str, Any]) -> GpuState:
    pairs = ("graphics_lock", "memory_lock", "application_clocks")
    locks = {name: tuple(document[name]) if document[name] else None for name in pairs}
    rows = document.get("processes")
    processes = None if rows is None else [SimulatedProcess(*row) for row in rows]
    return GpuState(**{**document, **locks, "processes": processes, "body": Body(**document["body"])})


def _unwritable(path: Path, failure: OSError) -> WorldInvalid:
    return WorldInvalid(
        f"{path} cannot be written: {failure.strerror}",
        next_step="A simulated machine keeps its registers beside its world file: put that where you can write.",
    )
