"""Calls that read memory, temperature, power, utilization and fans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from esnode.simulator import marshal
from esnode.simulator.codes import Code, Refusal
from esnode.simulator.gpu import MIB, SimulatedGpu
from esnode.simulator.marshal import require
from esnode.simulator.symbols import call

if TYPE_CHECKING:
    from esnode.simulator.library import Library

_MEMORY_V2: Final = 0x0200_0028
_TEMPERATURE_V1: Final = 0x0100_000C
_MARGIN_V1: Final = 0x0100_0008


@call("nvmlDeviceGetMemoryInfo")
def memory(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    """The first version counts what the driver reserved as used."""
    used = gpu.memory_used + gpu.memory_reserved
    marshal.fill(info, total=gpu.memory_total, used=used, free=gpu.memory_total - used)


@call("nvmlDeviceGetMemoryInfo_v2")
def memory_v2(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    marshal.check_version(info, _MEMORY_V2)
    total, used, reserved = gpu.memory_total, gpu.memory_used, gpu.memory_reserved
    marshal.fill(info, total=total, used=used, reserved=reserved, free=total - used - reserved)


@call("nvmlDeviceGetBAR1MemoryInfo")
def bar1(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    total = 2 ** max(28, gpu.memory_total.bit_length())
    marshal.fill(info, bar1Total=total, bar1Used=MIB, bar1Free=total - MIB)


@call("nvmlDeviceGetTemperature")
def temperature(_library: Library, gpu: SimulatedGpu, sensor: Any, celsius: Any) -> None:
    _check_sensor(marshal.number(sensor))
    marshal.put(celsius, gpu.temperature)


@call("nvmlDeviceGetTemperatureV")
def temperature_v(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    asked = marshal.check_version(info, _TEMPERATURE_V1)
    _check_sensor(asked.sensorType)
    asked.temperature = gpu.temperature


def _check_sensor(sensor: int) -> None:
    if sensor != 0:  # NVML_TEMPERATURE_GPU is the only one
        raise Refusal(Code.INVALID_ARGUMENT)


@call("nvmlDeviceGetMarginTemperature")
def margin(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    asked = marshal.check_version(info, _MARGIN_V1)
    require(gpu.board.reports_margins)
    asked.marginTemperature = gpu.margin


@call("nvmlDeviceGetTemperatureThreshold")
def threshold(_library: Library, gpu: SimulatedGpu, kind: Any, celsius: Any) -> None:
    """Boards with T.Limit margins give those instead, as fields 193 to 196."""
    wanted, board = marshal.number(kind), gpu.board
    if not 0 <= wanted <= 7:
        raise Refusal(Code.INVALID_ARGUMENT)
    memory_max = 95 if board.memory_above_gpu_celsius is not None else None
    known = {0: board.shutdown_celsius, 1: board.slowdown_celsius, 2: memory_max, 3: board.max_operating_celsius}
    value = None if board.reports_margins else known.get(wanted)
    require(value is not None)
    marshal.put(celsius, value or 0)


@call("nvmlDeviceGetPowerUsage")
def power_usage(_library: Library, gpu: SimulatedGpu, milliwatts: Any) -> None:
    marshal.put(milliwatts, gpu.power_mw)


@call("nvmlDeviceGetTotalEnergyConsumption")
def energy(_library: Library, gpu: SimulatedGpu, millijoules: Any) -> None:
    marshal.put(millijoules, gpu.energy_mj)


@call("nvmlDeviceGetPowerManagementMode")
def power_management(_library: Library, _gpu: SimulatedGpu, mode: Any) -> None:
    marshal.put(mode, 1)


@call("nvmlDeviceGetPowerManagementLimit")
def requested_limit(_library: Library, gpu: SimulatedGpu, milliwatts: Any) -> None:
    marshal.put(milliwatts, gpu.requested_mw)


@call("nvmlDeviceGetEnforcedPowerLimit")
def enforced_limit(_library: Library, gpu: SimulatedGpu, milliwatts: Any) -> None:
    marshal.put(milliwatts, gpu.enforced_mw)


@call("nvmlDeviceGetPowerManagementDefaultLimit")
def default_limit(_library: Library, gpu: SimulatedGpu, milliwatts: Any) -> None:
    marshal.put(milliwatts, round(gpu.board.power.default * 1000))


@call("nvmlDeviceGetPowerManagementLimitConstraints")
def limit_range(_library: Library, gpu: SimulatedGpu, low: Any, high: Any) -> None:
    marshal.target(high)
    marshal.put(low, round(gpu.board.power.min * 1000))
    marshal.put(high, round(gpu.board.power.max * 1000))


@call("nvmlDeviceGetPowerSource")
def power_source(_library: Library, _gpu: SimulatedGpu, source: Any) -> None:
    marshal.put(source, 0)  # mains


@call("nvmlDeviceGetUtilizationRates")
def utilization(_library: Library, gpu: SimulatedGpu, rates: Any) -> None:
    require(not gpu.state.mig_current)
    marshal.fill(rates, gpu=gpu.utilization, memory=gpu.memory_utilization)


@call("nvmlDeviceGetEncoderUtilization", "nvmlDeviceGetDecoderUtilization")
@call("nvmlDeviceGetJpgUtilization", "nvmlDeviceGetOfaUtilization")
def engine_utilization(_library: Library, gpu: SimulatedGpu, percent: Any, microseconds: Any) -> None:
    require(not gpu.state.mig_current)
    marshal.put(percent, 0)
    marshal.put(microseconds, 167_000)


@call("nvmlDeviceGetNumFans")
def fan_count(_library: Library, gpu: SimulatedGpu, count: Any) -> None:
    marshal.put(count, gpu.board.fans)


@call("nvmlDeviceGetFanSpeed")
def fan(_library: Library, gpu: SimulatedGpu, percent: Any) -> None:
    require(gpu.board.fans > 0)
    marshal.put(percent, gpu.fan_percent)


@call("nvmlDeviceGetFanSpeed_v2", "nvmlDeviceGetTargetFanSpeed")
def fan_by_number(_library: Library, gpu: SimulatedGpu, number: Any, percent: Any) -> None:
    require(gpu.board.fans > 0)
    if not 0 <= marshal.number(number) < gpu.board.fans:
        raise Refusal(Code.INVALID_ARGUMENT)
    marshal.put(percent, gpu.fan_percent)
