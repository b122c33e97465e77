"""One simulated GPU as its driver sees it at one moment: registers, body and board in one view.

Watts, MHz, Celsius, percent, bytes, milliwatts where a name says so. Pinned sensors win over physics.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final, NamedTuple

from esnode.model.boards import Board
from esnode.model.metrics import THROTTLE_REASONS
from esnode.simulator.machine import GpuSpec, SimulatedProcess
from esnode.simulator.physics import Body, Operation, operate, step_at
from esnode.simulator.registers import GpuState, MachineState

MIB: Final = 2**20
_PINNED_PID: Final = 2**22 + 9_000_000
_MEMORY_BUSY_SHARE: Final = 0.45


class RunningProcess(NamedTuple):
    """A process on the GPU, its memory in bytes and its share of the SMs in percent."""

    pid: int
    name: str
    memory: int
    is_graphics: bool
    is_mps: bool
    sm_utilization: int


class SimulatedGpu:
    """GPU `index` of a machine. What it shows is of the time at which it is first asked."""

    def __init__(self, machine: MachineState, index: int) -> None:
        self.machine = machine
        self.index = index
        self.spec: GpuSpec = machine.machine.gpus[index]

    @property
    def uuid(self) -> str:
        return self.spec.uuid

    @property
    def board(self) -> Board:
        return self.spec.board

    @property
    def state(self) -> GpuState:
        return self.machine.gpus[self.spec.uuid]

    @cached_property
    def body(self) -> Body:
        return self.machine.body(self.spec)

    @cached_property
    def operation(self) -> Operation:
        return operate(self.machine.conditions(self.spec), self.body)

    # -- sensors -------------------------------------------------------------------------------

    @property
    def temperature(self) -> int:
        return round(self.state.pins.get("gpu_temp_celsius", self.body.temperature))

    @property
    def margin(self) -> int:
        """Degrees to the temperature at which the driver begins to slow the GPU down."""
        pinned = self.state.pins.get("gpu_temp_margin_celsius")
        return round(self.board.max_operating_celsius - self.temperature if pinned is None else pinned)

    @property
    def memory_temperature(self) -> int | None:
        pinned = self.state.pins.get("gpu_memory_temp_celsius")
        if pinned is not None:
            return round(pinned)
        above = self.board.memory_above_gpu_celsius
        return None if above is None else self.temperature + above

    @property
    def power_mw(self) -> int:
        """The average over about a second; instantaneous on boards without averaging."""
        if "gpu_power_watts" in self.state.pins:
            return round(self.state.pins["gpu_power_watts"] * 1000)
        return round(self.body.average_watts * 1000) if self.board.has_average_power else self.instant_mw

    @property
    def instant_mw(self) -> int:
        return round(self.state.pins.get("gpu_power_watts", self.operation.watts) * 1000)

    @property
    def energy_mj(self) -> int:
        return int(self.body.joules * 1000)

    @property
    def utilization(self) -> int:
        return round(self.operation.utilization)

    @property
    def memory_utilization(self) -> int:
        return round(self.state.pins.get("memory_utilization", self.operation.utilization * _MEMORY_BUSY_SHARE))

    @property
    def sm_clock(self) -> int:
        return round(self.state.pins.get("gpu_sm_clock_mhz", self.operation.sm_mhz))

    @property
    def memory_clock(self) -> int:
        """As read: some boards show a MHz or two less than their table says."""
        return self.operation.memory_mhz - self.board.memory_reads_under_mhz

    @property
    def video_clock(self) -> int:
        idle, highest = self.board.video_clocks_mhz
        return highest if self.operation.utilization else idle

    @property
    def reasons(self) -> int:
        mask = self.operation.reasons
        for name, bit in THROTTLE_REASONS.items():
            pinned = self.state.pins.get(f"throttle_reason_{name}")
            if pinned is not None:
                mask = mask | bit if pinned else mask & ~bit
        return mask

    @property
    def uncorrected_errors(self) -> int:
        return int(self.state.pins.get("ecc_uncorrected_errors", 0))

    @property
    def fan_percent(self) -> int:
        """Off below 50 C, then rising to 100 at the highest operating temperature."""
        if self.temperature < 50:
            return 0
        span = self.board.max_operating_celsius - 50
        return min(100, round(30 + 70 * (self.temperature - 50) / span))

    # -- power limits --------------------------------------------------------------------------

    @property
    def requested_mw(self) -> int:
        return self.machine.requested_mw(self.spec)

    @property
    def enforced_mw(self) -> int:
        return self.machine.enforced_mw(self.spec)

    # -- memory and processes ------------------------------------------------------------------

    @property
    def memory_total(self) -> int:
        return self.board.memory_mib * MIB

    @property
    def memory_reserved(self) -> int:
        return self.board.memory_reserved_mib * MIB

    @cached_property
    def memory_used(self) -> int:
        """Without what the driver reserves for itself."""
        pinned = self.state.pins.get("memory_allocated_percent")
        if pinned is not None:
            used = max(round(self.memory_total * pinned / 100), _sized(self.listed_processes))
        else:
            used = self._memory_of_the_living
        return min(used, self.memory_total - self.memory_reserved)

    @property
    def _memory_of_the_living(self) -> int:
        """The workload's, or what the processes say of themselves if that is more; what ended has freed its part."""
        step = step_at(self.machine.conditions(self.spec), self.body.at)
        everybody = self.machine.processes_of(self.spec)
        total = max(round(self.memory_total * step.memory / 100), _sized(everybody))
        unsized = sum(process.memory_mib is None for process in everybody)
        share = (total - _sized(everybody)) // unsized if unsized else 0
        gone = [process for process in everybody if not self._is_listed(process)]
        return total - _sized(gone) - share * sum(process.memory_mib is None for process in gone)

    @cached_property
    def listed_processes(self) -> list[SimulatedProcess]:
        """Those of the world file that still run; `process_count` can be pinned to any number of others."""
        pinned = self.state.pins.get("process_count")
        if pinned is not None:
            first = _PINNED_PID + 1000 * self.index
            return [SimulatedProcess(pid=first + number, name="python") for number in range(int(pinned))]
        return [process for process in self.machine.processes_of(self.spec) if self._is_listed(process)]

    def _is_listed(self, process: SimulatedProcess) -> bool:
        return process.key not in self.state.ended and process.is_there

    @cached_property
    def processes(self) -> list[RunningProcess]:
        listed = self.listed_processes
        sized = _sized(listed)
        unsized = sum(1 for process in listed if process.memory_mib is None)
        share = max(0, self.memory_used - sized) // unsized if unsized else 0
        return [
            RunningProcess(
                pid=process.pid,
                name=process.name,
                memory=share if process.memory_mib is None else process.memory_mib * MIB,
                is_graphics=process.is_graphics,
                is_mps=process.is_mps,
                sm_utilization=self._share_of_work(process, listed),
            )
            for process in listed
        ]

    def _share_of_work(self, process: SimulatedProcess, listed: list[SimulatedProcess]) -> int:
        """Percent of the SMs: its own word, as far as the GPU is that busy, else an equal part of the rest."""
        if process.sm_utilization is not None:
            return min(round(process.sm_utilization), self.utilization)
        stated = sum(round(other.sm_utilization or 0) for other in listed)
        return max(0, self.utilization - stated) // sum(other.sm_utilization is None for other in listed)

    @property
    def is_lost(self) -> bool:
        return any(fault.startswith("gpu_lost") for fault in self.state.faults)


def _sized(processes: list[SimulatedProcess]) -> int:
    """Bytes of those that say how much they have."""
    return sum(process.memory_mib or 0 for process in processes) * MIB
