"""Calls that change a GPU. Each checks its arguments and the GPU's support, and returns the change to make."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from esnode.simulator import marshal
from esnode.simulator.codes import Code, Refusal
from esnode.simulator.gpu import SimulatedGpu
from esnode.simulator.marshal import require
from esnode.simulator.registers import GpuState
from esnode.simulator.symbols import Kind, call

if TYPE_CHECKING:
    from esnode.simulator.library import Library

Change = Callable[[GpuState], None]

_SYMBOLIC: Final = 0xFFFF_FF00  # NVML_CLOCK_LIMIT_ID_RANGE_START
_UNLIMITED: Final = 0xFFFF_FF02
_POWER_VALUE_V2: Final = 0x0200_000C
_GPU_SCOPE, _MODULE_SCOPE = 0, 1


class _Registers:
    """The change that gives registers these values."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def __call__(self, gpu: GpuState) -> None:
        for name, value in self.values.items():
            setattr(gpu, name, value)


def _setting(**values: Any) -> Change:
    return _Registers(values)


@call("nvmlDeviceSetPowerManagementLimit", kind=Kind.SETTER)
def power_limit(_library: Library, gpu: SimulatedGpu, limit: Any) -> Change:
    """Outside of the board's range is an error; nothing is clamped (nvml.h)."""
    power, wanted = gpu.board.power, marshal.number(limit)
    if not power.min * 1000 <= wanted <= power.max * 1000:
        raise Refusal(Code.INVALID_ARGUMENT)
    return _setting(power_limit_mw=wanted)


@call("nvmlDeviceSetPowerManagementLimit_v2", kind=Kind.SETTER)
def scoped_power_limit(library: Library, gpu: SimulatedGpu, value: Any) -> Change:
    asked = marshal.check_version(value, _POWER_VALUE_V2)
    scope = asked.powerScope & 0xFF  # an unsigned char in C; pynvml writes a word over it
    if scope == _GPU_SCOPE:
        return power_limit(library, gpu, asked.powerValueMw)
    module = gpu.board.module_power
    if scope != _MODULE_SCOPE or module is None:
        raise Refusal(Code.NOT_SUPPORTED)
    if not module.min * 1000 <= asked.powerValueMw <= module.max * 1000:
        raise Refusal(Code.INVALID_ARGUMENT)
    return _setting(module_limit_mw=asked.powerValueMw)


@call("nvmlDeviceSetGpuLockedClocks", kind=Kind.SETTER)
def lock_graphics(_library: Library, gpu: SimulatedGpu, low: Any, high: Any) -> Change:
    return _setting(graphics_lock=_lock(low, high, gpu.board.graphics_clocks_mhz))


@call("nvmlDeviceResetGpuLockedClocks", kind=Kind.SETTER)
def unlock_graphics(_library: Library, _gpu: SimulatedGpu) -> Change:
    return _setting(graphics_lock=None)


@call("nvmlDeviceSetMemoryLockedClocks", kind=Kind.SETTER)
def lock_memory(_library: Library, gpu: SimulatedGpu, low: Any, high: Any) -> Change:
    lock = _lock(low, high, gpu.board.memory_clocks_mhz)
    require(gpu.board.has_memory_lock)
    return _setting(memory_lock=lock)


@call("nvmlDeviceResetMemoryLockedClocks", kind=Kind.SETTER)
def unlock_memory(_library: Library, gpu: SimulatedGpu) -> Change:
    require(gpu.board.has_memory_lock)
    return _setting(memory_lock=None)


@call("nvmlDeviceSetApplicationsClocks", kind=Kind.SETTER, deprecated_from=595)
def application_clocks(_library: Library, gpu: SimulatedGpu, memory: Any, graphics: Any) -> Change:
    require(gpu.board.has_ecc)  # GeForce boards have none
    pair = marshal.number(memory), marshal.number(graphics)
    if pair[1] not in gpu.board.graphics_clocks_at(pair[0]):
        raise Refusal(Code.INVALID_ARGUMENT)
    return _setting(application_clocks=pair)


@call("nvmlDeviceResetApplicationsClocks", kind=Kind.SETTER, deprecated_from=595)
def reset_application_clocks(_library: Library, _gpu: SimulatedGpu) -> Change:
    return _setting(application_clocks=None)


@call("nvmlDeviceSetPersistenceMode", kind=Kind.SETTER)
def persistence_mode(_library: Library, gpu: SimulatedGpu, mode: Any) -> Change:
    wanted = _switch(mode)
    # Turning it off takes a Grace GPU's memory away, and with it every handle (nvml.h).
    ends_handles = gpu.board.is_grace and gpu.state.persistence and not wanted
    return _setting(persistence=wanted, generation=gpu.state.generation + int(ends_handles))


@call("nvmlDeviceSetComputeMode", kind=Kind.SETTER)
def compute_mode(_library: Library, _gpu: SimulatedGpu, mode: Any) -> Change:
    wanted = marshal.number(mode)
    if wanted not in range(4):
        raise Refusal(Code.INVALID_ARGUMENT)
    if wanted == 1:  # exclusive thread: removed from the driver long ago
        raise Refusal(Code.NOT_SUPPORTED)
    return _setting(compute_mode=wanted)


@call("nvmlDeviceSetAccountingMode", kind=Kind.SETTER)
def accounting_mode(_library: Library, _gpu: SimulatedGpu, mode: Any) -> Change:
    return _setting(accounting=_switch(mode))


@call("nvmlDeviceSetEccMode", kind=Kind.SETTER)
def ecc_mode(_library: Library, gpu: SimulatedGpu, mode: Any) -> Change:
    """Pending until the next reset or boot."""
    wanted = _switch(mode)
    require(gpu.board.has_ecc)
    return _setting(ecc_pending=wanted)


@call("nvmlDeviceClearEccErrorCounts", kind=Kind.SETTER)
def clear_ecc_errors(_library: Library, gpu: SimulatedGpu, _counter: Any) -> Change:
    require(gpu.board.has_ecc)

    def change(state: GpuState) -> None:
        state.pins.pop("ecc_uncorrected_errors", None)

    return change


@call("nvmlDeviceSetMigMode", kind=Kind.SETTER)
def mig_mode(_library: Library, gpu: SimulatedGpu, mode: Any, activation: Any) -> Change:
    """Activating it resets the GPU, and everything volatile with it. A busy GPU keeps its mode until then."""
    wanted = _switch(mode)
    require(gpu.board.has_mig)
    is_busy = bool(gpu.listed_processes)
    marshal.put(activation, Code.IN_USE if is_busy else Code.SUCCESS)

    def change(state: GpuState) -> None:
        state.mig_pending = wanted
        if not is_busy and state.mig_current != wanted:
            state.start_anew()

    return change


@call("nvmlDeviceSetFanSpeed_v2", "nvmlDeviceSetDefaultFanSpeed_v2", kind=Kind.SETTER)
def fan_speed(_library: Library, gpu: SimulatedGpu, fan: Any, *_speed: Any) -> Change:
    """Accepted where there are fans; the simulated fan follows the temperature all the same."""
    require(gpu.board.fans > 0)
    if not 0 <= marshal.number(fan) < gpu.board.fans:
        raise Refusal(Code.INVALID_ARGUMENT)
    return _setting()


def _lock(low: Any, high: Any, table: tuple[int, ...]) -> tuple[int, int] | None:
    """Both ends snapped to the table; unlimited to unlimited is no lock. One symbol with one number is refused."""
    ends = marshal.number(low), marshal.number(high)
    symbols = [end for end in ends if end >= _SYMBOLIC]
    if symbols:
        if len(symbols) != len(ends) or len(set(symbols)) > 1:
            raise Refusal(Code.INVALID_ARGUMENT)
        return None if symbols[0] == _UNLIMITED else (table[0], table[-1])
    if ends[0] > ends[1] or ends[1] == 0:
        raise Refusal(Code.INVALID_ARGUMENT)
    return snap(ends[0], table), snap(ends[1], table)


def snap(clock: int, table: tuple[int, ...]) -> int:
    """The table's entry nearest to a clock, the higher one of two equally near."""
    return min(table, key=lambda entry: (abs(entry - clock), -entry))


def _switch(mode: Any) -> bool:
    wanted = marshal.number(mode)
    if wanted not in (0, 1):
        raise Refusal(Code.INVALID_ARGUMENT)
    return wanted == 1
