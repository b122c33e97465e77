"""A simulated machine as its world file describes it: values, and their JSON form in the registers.

Only the standard library is used here: the registers are read by programs of other environments too. The values
are NamedTuples, not dataclasses: those take five times as long to define, and every program on the machine waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from esnode.model.boards import BOARDS, Board, PowerRange
from esnode.records import members, replace
from esnode.simulator.living import birth_of

_RANGES: Final = ("power", "module_power")


class Step(NamedTuple):
    """What the GPU has to do from `at` seconds on.

    `utilization` in percent at the highest clock, `memory` in percent of the frame buffer, `intensity` the
    draw at full utilization in percent of the default power limit.
    """

    at: float = 0.0
    utilization: float = 0.0
    memory: float = 0.0
    intensity: float = 94.0


class Workload(NamedTuple):
    """Steps by time; the first begins at 0. After `repeat` seconds they begin anew (0: never)."""

    steps: tuple[Step, ...] = (Step(),)
    repeat: float = 0.0


class SimulatedProcess(NamedTuple):
    """A process that has the GPU open. `is_real` marks one of the host itself: it ends when that one ends.

    What it does not say of itself, memory and percent of the SMs, is its part of what the workload leaves. `is_mps`
    marks a client of MPS. `birth` is when a real one began: its number is given out again.
    """

    pid: int
    name: str
    memory_mib: int | None = None
    is_graphics: bool = False
    is_real: bool = False
    sm_utilization: float | None = None
    is_mps: bool = False
    birth: str = ""

    @property
    def key(self) -> str:
        return f"{self.pid}:{self.birth}"

    @property
    def is_there(self) -> bool:
        """It has not ended, as far as the host can tell."""
        if not self.is_real:
            return True
        birth = birth_of(self.pid)
        return bool(birth) and birth == (self.birth or birth)


class GpuSpec(NamedTuple):
    """One GPU. `facts` are fields of its Board that differ from the catalogue's."""

    uuid: str
    board_key: str
    bus_id: str
    serial: str
    facts: Mapping[str, Any] = MappingProxyType({})
    persistence: bool = True
    compute_mode: int = 0
    ecc: bool | None = None
    mig: bool = False
    workload: Workload = Workload()
    ambient_celsius: float | None = None
    thermal_resistance: float | None = None
    power_limit_watts: float | None = None
    out_of_band_limit_watts: float | None = None
    processes: tuple[SimulatedProcess, ...] = ()

    @property
    def board(self) -> Board:
        return _board(self.board_key, tuple(self.facts.items())) if self.facts else BOARDS[self.board_key]


@lru_cache(maxsize=64)
def _board(key: str, facts: tuple[tuple[str, Any], ...]) -> Board:
    return replace(BOARDS[key], **dict(facts))


class Machine(NamedTuple):
    """Everything that the world file says. `speed` is world seconds per second, 0 a clock that stands.

    `record_writes` keeps a record of what is written to it: see `esnode.simulator.writes`.
    """

    name: str
    hostname: str
    machine_id: str
    driver: str
    cuda: int
    gpus: tuple[GpuSpec, ...]
    speed: float = 1.0
    ambient_celsius: float = 25.0
    starts_at: float | None = None
    root_required: bool = False
    cold_handle_seconds: float = 0.0
    setter_seconds: float = 0.0
    record_writes: bool = False

    @property
    def driver_branch(self) -> int:
        """580 of "580.105.08": what decides which symbols the library has."""
        return int(self.driver.partition(".")[0])

    def spec(self, uuid: str) -> GpuSpec:
        return next(gpu for gpu in self.gpus if gpu.uuid == uuid)

    def to_json(self) -> dict[str, Any]:
        return {**self._asdict(), "gpus": [_gpu_to_json(gpu) for gpu in self.gpus]}


def machine_from_json(document: dict[str, Any]) -> Machine:
    """The inverse of `Machine.to_json`. Raises KeyError, TypeError or ValueError for anything else."""
    return Machine(**{**document, "gpus": tuple(_gpu_from_json(gpu) for gpu in document["gpus"])})


def _gpu_to_json(gpu: GpuSpec) -> dict[str, Any]:
    ranges = {name: members(value) for name, value in gpu.facts.items() if isinstance(value, PowerRange)}
    return {
        **gpu._asdict(),
        "facts": {**gpu.facts, **ranges},
        "workload": {"steps": [step._asdict() for step in gpu.workload.steps], "repeat": gpu.workload.repeat},
        "processes": [process._asdict() for process in gpu.processes],
    }


def _gpu_from_json(document: dict[str, Any]) -> GpuSpec:
    steps = tuple(Step(**step) for step in document["workload"]["steps"])
    return GpuSpec(
        **{
            **document,
            "facts": {name: _fact(name, value) for name, value in document["facts"].items()},
            "workload": Workload(steps=steps, repeat=document["workload"]["repeat"]),
            "processes": tuple(SimulatedProcess(**process) for process in document["processes"]),
        }
    )


def _fact(name: str, value: Any) -> Any:
    if name in _RANGES and isinstance(value, dict):
        return PowerRange(**value)
    return tuple(value) if isinstance(value, list) else value
