"""The front panel of a simulated machine: what it is really doing, beyond what its driver tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from esnode.model.metrics import THROTTLE_REASONS
from esnode.model.settings import COMPUTE_MODES, ClockRange
from esnode.records import dataclass
from esnode.simulator.gpu import SimulatedGpu
from esnode.simulator.registers import Registers
from esnode.units import format_duration, format_number

if TYPE_CHECKING:
    from esnode.simulator.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRow:
    """One GPU. The two locks are the true ones, which no driver can tell."""

    index: int
    uuid: str
    name: str
    model: str
    temperature_celsius: int
    utilization_percent: int
    memory_percent: float
    power_watts: float
    power_limit_watts: float
    enforced_limit_watts: float
    sm_clock_mhz: int
    memory_clock_mhz: int
    graphics_lock: ClockRange | None
    memory_lock: ClockRange | None
    persistence: bool
    compute_mode: str
    throttle_reasons: tuple[str, ...]
    processes: int
    faults: tuple[str, ...]
    pinned: tuple[str, ...]


def front_panel(registers: Registers) -> Iterator[PanelRow]:
    """Every GPU, by index."""
    state = registers.state()
    for index in range(len(state.machine.gpus)):
        yield _row(SimulatedGpu(state, index))


def _row(gpu: SimulatedGpu) -> PanelRow:
    return PanelRow(
        index=gpu.index,
        uuid=gpu.uuid,
        name=gpu.board.nvml_name,
        model=gpu.board.model,
        temperature_celsius=gpu.temperature,
        utilization_percent=gpu.utilization,
        memory_percent=round(100 * gpu.memory_used / gpu.memory_total, 1),
        power_watts=gpu.power_mw / 1000,
        power_limit_watts=gpu.requested_mw / 1000,
        enforced_limit_watts=gpu.enforced_mw / 1000,
        sm_clock_mhz=gpu.sm_clock,
        memory_clock_mhz=gpu.memory_clock,
        graphics_lock=_range(gpu.state.graphics_lock),
        memory_lock=_range(gpu.state.memory_lock),
        persistence=gpu.state.persistence,
        compute_mode=COMPUTE_MODES[gpu.state.compute_mode],
        throttle_reasons=tuple(name for name, bit in THROTTLE_REASONS.items() if gpu.reasons & bit),
        processes=len(gpu.processes),
        faults=tuple(gpu.state.faults),
        pinned=tuple(f"{name}={format_number(value)}" for name, value in sorted(gpu.state.pins.items())),
    )


def _range(lock: tuple[int, int] | None) -> ClockRange | None:
    return None if lock is None else ClockRange(min=lock[0], max=lock[1])


def describe(world: World) -> str:
    """One line about the machine: what it is, its driver, its clock."""
    state, now = world.registers.state(), world.clock.now()
    speed = "its clock stands still" if state.speed == 0 else f"its clock runs at {format_number(state.speed)}x"
    clients = len(state.clients)
    return (
        f"Simulated machine {state.machine.name} ({world.machine_id}): {len(state.machine.gpus)} GPUs, "
        f"driver {state.machine.driver}, up for {format_duration(now.uptime)}, "
        f"{format_number(state.ambient_celsius)} C around it, {speed}, "
        f"{clients} {'program has' if clients == 1 else 'programs have'} its driver open"
    )
