"""A hall with eight overloaded boards through a working day: its air warms and cools, its corner is warmer still.

The simulator's own physics, whose clock stands until it is told to move: hours pass in seconds. What the boards really
do is written down as it passes, whoever steers them and whatever their sensors show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from esnode.simulator.physics import operate
from esnode.simulator.private import private_world

STEP: Final = 2.5
"""Seconds between two looks at the boards, and between two changes of the air."""

CORNER: Final = 3.0
"""By how many degrees the air is warmer in the corner."""

SENSOR: Final = "gpu_temp_celsius"


def air(hour: float) -> float:
    """Celsius at an hour of the day: warmest at three in the afternoon; the chiller comes and goes every 20 minutes."""
    return 36.0 + 5.0 * math.cos(2 * math.pi * (hour - 15) / 24) + 0.5 * math.sin(2 * math.pi * hour * 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`workload` is a world file's. The last `corner` of `boards` stand in the warm corner. Hours of the day."""

    name: str
    workload: str
    begins: float = 8.0
    hours: float = 8.0
    boards: int = 8
    corner: int = 2

    @property
    def seconds(self) -> float:
        return self.hours * 3600

    @property
    def world(self) -> bytes:
        return f"""\
apiVersion: v1
kind: SimulatedMachine
name: hall
machine_id: "{"0" * 32}"
speed: 0
ambient_celsius: {air(self.begins):.3f}
gpus:
  - {{board: H100-SXM, count: {self.boards}, workload: {self.workload}}}
""".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What one board did in one step: degrees as they are and as its sensor shows them, and work done.

    `work` is its SM clock times its utilization, in MHz at full use.
    """

    at: float
    celsius: float
    shown: int
    work: float


@dataclass(slots=True)
class Log:
    """One board through the day. `calls` are seconds and watts of each write of its power limit that took effect."""

    moments: list[Moment] = field(default_factory=list)
    calls: list[tuple[float, float]] = field(default_factory=list)
    joules: float = 0.0


class Hall:
    """`logs` by UUID. Time passes by `pass_time` alone."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.world = private_world(scenario.world, Path("hall.yaml"))
        self.registers = self.world.registers
        self.specs = self.registers.state().machine.gpus
        self.logs = {spec.uuid: Log() for spec in self.specs}
        self._began = self.world.clock.monotonic()
        self._joules = {uuid: gpu.body.joules for uuid, gpu in self.registers.state().gpus.items()}

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self.world.clock.monotonic() - self._began

    @property
    def is_over(self) -> bool:
        return self.seconds >= self.scenario.seconds

    def pass_time(self, seconds: float) -> None:
        until = self.seconds + seconds
        while (left := until - self.seconds) > 1e-6:
            self._step(min(STEP, left))

    def sensors(self) -> Mapping[str, int]:
        """What each board's thermometer shows."""
        return {gpu.uuid: gpu.temperature for gpu in self.world.gpus}

    def limits(self) -> Mapping[str, float]:
        state = self.registers.state()
        return {spec.uuid: state.requested_mw(spec) / 1000 for spec in self.specs}

    def set_limits(self, watts: Mapping[str, float]) -> None:
        """As a program does that writes them itself."""
        with self.registers.changing() as state:
            for uuid, value in watts.items():
                state.gpus[uuid].power_limit_mw = round(value * 1000)
        for uuid, value in watts.items():
            self.wrote(uuid, value)

    def wrote(self, uuid: str, watts: float) -> None:
        """Somebody wrote a power limit."""
        self.logs[uuid].calls.append((self.seconds, watts))

    def _step(self, seconds: float) -> None:
        hour = self.scenario.begins + self.seconds / 3600
        with self.registers.changing() as state:
            state.ambient_celsius = air(hour)
            for spec in self.specs[len(self.specs) - self.scenario.corner :]:
                state.gpus[spec.uuid].ambient_celsius = air(hour) + CORNER
        with self.registers.changing() as state:
            state.set_clock(state.now() + seconds, 0.0)
        with self.registers.changing() as state:
            for spec in self.specs:
                body = state.gpus[spec.uuid].body
                run = operate(state.conditions(spec), body)
                log = self.logs[spec.uuid]
                log.joules = body.joules - self._joules[spec.uuid]
                log.moments.append(
                    Moment(
                        at=self.seconds,
                        celsius=body.temperature,
                        shown=round(body.temperature),
                        work=run.sm_mhz * run.utilization / 100,
                    )
                )


Steer = Callable[[Hall], None]
"""Takes a hall through its day."""
