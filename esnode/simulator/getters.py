"""Calls that read a GPU: identity, memory, temperature, power, clocks, modes, health, processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from esnode.model.metrics import THROTTLE_REASONS
from esnode.simulator import marshal
from esnode.simulator.codes import Code, Refusal
from esnode.simulator.gpu import MIB, SimulatedGpu
from esnode.simulator.symbols import call

if TYPE_CHECKING:
    from esnode.simulator.library import Library

_MEMORY_V2: Final = 0x0200_0028
_TEMPERATURE_V1: Final = 0x0100_000C
_MARGIN_V1: Final = 0x0100_0008
_TEXT_V1: Final = 0x0100_0804
_CLOCK_OFFSET_V1: Final = 0x0100_0018
_ADDRESSING_V1: Final = 0x0100_0008
_GRAPHICS, _SM, _MEMORY, _VIDEO = range(4)
_CURRENT, _TARGET, _DEFAULT, _BOOST_MAX = range(4)
_NOT_AN_INSTANCE: Final = 0xFFFF_FFFF
_UNKNOWN_STATE: Final = 32
_PCIE_CODES: Final = {3: 8000, 4: 16000, 5: 32000, 6: 64000}


def _require(supported: bool) -> None:
    if not supported:
        raise Refusal(Code.NOT_SUPPORTED)


# -- identity ------------------------------------------------------------------------------------


@call("nvmlDeviceGetName")
def name(_library: Library, gpu: SimulatedGpu, buffer: Any, size: Any) -> None:
    marshal.put_text(buffer, size, gpu.board.nvml_name)


@call("nvmlDeviceGetUUID")
def uuid(_library: Library, gpu: SimulatedGpu, buffer: Any, size: Any) -> None:
    marshal.put_text(buffer, size, gpu.uuid)


@call("nvmlDeviceGetSerial")
def serial(_library: Library, gpu: SimulatedGpu, buffer: Any, size: Any) -> None:
    _require(gpu.board.has_ecc)  # GeForce boards do not tell
    marshal.put_text(buffer, size, gpu.spec.serial)


@call("nvmlDeviceGetIndex", "nvmlDeviceGetMinorNumber", answers_when_lost=True)
def index(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.index)


@call("nvmlDeviceGetModuleId")
def module_id(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.index + 1)


@call("nvmlDeviceGetBrand")
def brand(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.board.brand)


@call("nvmlDeviceGetArchitecture")
def architecture(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.board.architecture_number)


@call("nvmlDeviceGetCudaComputeCapability")
def compute_capability(_library: Library, gpu: SimulatedGpu, major: Any, minor: Any) -> None:
    for out, value in zip((major, minor), gpu.board.compute_capability, strict=True):
        marshal.put(out, value)


@call("nvmlDeviceGetNumGpuCores")
def cores(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.board.cuda_cores)


@call("nvmlDeviceGetVbiosVersion")
def vbios(_library: Library, gpu: SimulatedGpu, buffer: Any, size: Any) -> None:
    marshal.put_text(buffer, size, f"9{gpu.board.architecture_number}.00.99.00.01")


@call("nvmlDeviceGetBoardPartNumber")
def part_number(_library: Library, gpu: SimulatedGpu, buffer: Any, size: Any) -> None:
    _require(gpu.board.has_ecc)
    marshal.put_text(buffer, size, f"900-2G{gpu.board.pci_device_id >> 20:03X}-0000-000")


@call("nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", answers_when_lost=True)
def pci_info(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    domain, bus, rest = gpu.spec.bus_id.split(":")
    marshal.fill(
        info,
        busId=gpu.spec.bus_id.encode(),
        busIdLegacy=f"{domain[-4:]}:{bus}:{rest}".encode(),
        domain=int(domain, 16),
        bus=int(bus, 16),
        device=int(rest.partition(".")[0], 16),
        pciDeviceId=gpu.board.pci_device_id,
        pciSubSystemId=0,
    )


@call("nvmlDeviceGetCurrPcieLinkGeneration", "nvmlDeviceGetMaxPcieLinkGeneration")
@call("nvmlDeviceGetGpuMaxPcieLinkGeneration")
def pcie_generation(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.board.pcie_generation)


@call("nvmlDeviceGetCurrPcieLinkWidth", "nvmlDeviceGetMaxPcieLinkWidth")
def pcie_width(_library: Library, _gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, 16)


@call("nvmlDeviceGetPcieSpeed")
def pcie_speed(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, _PCIE_CODES[gpu.board.pcie_generation])


@call("nvmlDeviceGetPcieThroughput")
def pcie_throughput(_library: Library, gpu: SimulatedGpu, counter: Any, kilobytes: Any) -> None:
    """KB/s: some hundred when idle, and work brings its data along. The real call takes 20 ms; this one does not."""
    if marshal.number(counter) not in (0, 1):
        raise Refusal(Code.INVALID_ARGUMENT)
    marshal.put(kilobytes, 500 + 40_000 * gpu.utilization)


@call("nvmlDeviceGetPcieReplayCounter")
def pcie_replays(_library: Library, _gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, 0)


@call("nvmlDeviceGetMultiGpuBoard")
def multi_gpu_board(_library: Library, _gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, 0)


@call("nvmlDeviceGetBoardId")
def board_id(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, int(gpu.spec.bus_id.split(":")[1], 16) << 8)


# -- memory --------------------------------------------------------------------------------------


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


# -- temperature ---------------------------------------------------------------------------------


@call("nvmlDeviceGetTemperature")
def temperature(_library: Library, gpu: SimulatedGpu, sensor: Any, celsius: Any) -> None:
    _check_sensor(marshal.number(sensor))
    marshal.put(celsius, gpu.temperature)


@call("nvmlDeviceGetTemperatureV", since=570)
def temperature_v(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    asked = marshal.check_version(info, _TEMPERATURE_V1)
    _check_sensor(asked.sensorType)
    asked.temperature = gpu.temperature


def _check_sensor(sensor: int) -> None:
    if sensor != 0:  # NVML_TEMPERATURE_GPU is the only one
        raise Refusal(Code.INVALID_ARGUMENT)


@call("nvmlDeviceGetMarginTemperature", since=570)
def margin(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    asked = marshal.check_version(info, _MARGIN_V1)
    _require(gpu.board.reports_margins)
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
    _require(value is not None)
    marshal.put(celsius, value or 0)


# -- power ---------------------------------------------------------------------------------------


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


@call("nvmlDeviceGetPowerState", deprecated_from=595)
@call("nvmlDeviceGetPerformanceState")
def performance_state(_library: Library, gpu: SimulatedGpu, state: Any) -> None:
    marshal.put(state, gpu.operation.performance_state)


@call("nvmlDeviceGetSupportedPerformanceStates")
def performance_states(_library: Library, gpu: SimulatedGpu, states: Any, size: Any) -> None:
    known = [0] if len(gpu.board.memory_clocks_mhz) == 1 else [0, 2, 8]
    array = marshal.target(states)
    for place in range(marshal.number(size) // 4):
        array[place] = known[place] if place < len(known) else _UNKNOWN_STATE


# -- clocks --------------------------------------------------------------------------------------


def _clock_now(gpu: SimulatedGpu, kind: int) -> int:
    clocks = {_GRAPHICS: gpu.sm_clock, _SM: gpu.sm_clock, _MEMORY: gpu.memory_clock, _VIDEO: gpu.video_clock}
    if kind not in clocks:
        raise Refusal(Code.INVALID_ARGUMENT)
    return clocks[kind]


def _clock_max(gpu: SimulatedGpu, kind: int) -> int:
    highest = gpu.board.max_graphics_mhz
    clocks = {
        _GRAPHICS: highest,
        _SM: highest,
        _MEMORY: gpu.board.max_memory_mhz,
        _VIDEO: gpu.board.video_clocks_mhz[1],
    }
    if kind not in clocks:
        raise Refusal(Code.INVALID_ARGUMENT)
    return clocks[kind]


def _application_clock(library: Library, gpu: SimulatedGpu, kind: int, *, is_default: bool) -> int:
    if library.branch >= 595:
        raise Refusal(Code.DEPRECATED)
    _require(gpu.board.has_ecc and kind in (_GRAPHICS, _SM, _MEMORY))
    default = (gpu.board.max_memory_mhz, gpu.board.application_clock_mhz or gpu.board.max_graphics_mhz)
    pair = default if is_default else gpu.state.application_clocks or default
    return pair[0] if kind == _MEMORY else pair[1]


@call("nvmlDeviceGetClockInfo")
def clock(_library: Library, gpu: SimulatedGpu, kind: Any, megahertz: Any) -> None:
    marshal.put(megahertz, _clock_now(gpu, marshal.number(kind)))


@call("nvmlDeviceGetMaxClockInfo")
def max_clock(_library: Library, gpu: SimulatedGpu, kind: Any, megahertz: Any) -> None:
    marshal.put(megahertz, _clock_max(gpu, marshal.number(kind)))


@call("nvmlDeviceGetMaxCustomerBoostClock")
def boost_clock(_library: Library, gpu: SimulatedGpu, kind: Any, megahertz: Any) -> None:
    _require(marshal.number(kind) in (_GRAPHICS, _SM) and gpu.board.has_ecc)
    marshal.put(megahertz, gpu.board.max_graphics_mhz)


@call("nvmlDeviceGetClock")
def clock_by_id(library: Library, gpu: SimulatedGpu, kind: Any, which: Any, megahertz: Any) -> None:
    wanted, asked = marshal.number(kind), marshal.number(which)
    if asked == _CURRENT:
        value = _clock_now(gpu, wanted)
    elif asked in (_TARGET, _DEFAULT):
        value = _application_clock(library, gpu, wanted, is_default=asked == _DEFAULT)
    elif asked == _BOOST_MAX:
        _require(wanted in (_GRAPHICS, _SM))
        value = gpu.board.max_graphics_mhz
    else:
        raise Refusal(Code.INVALID_ARGUMENT)
    marshal.put(megahertz, value)


@call("nvmlDeviceGetApplicationsClock", deprecated_from=595)
def application_clock(library: Library, gpu: SimulatedGpu, kind: Any, megahertz: Any) -> None:
    marshal.put(megahertz, _application_clock(library, gpu, marshal.number(kind), is_default=False))


@call("nvmlDeviceGetDefaultApplicationsClock", deprecated_from=595)
def default_application_clock(library: Library, gpu: SimulatedGpu, kind: Any, megahertz: Any) -> None:
    marshal.put(megahertz, _application_clock(library, gpu, marshal.number(kind), is_default=True))


@call("nvmlDeviceGetSupportedMemoryClocks")
def memory_clocks(_library: Library, gpu: SimulatedGpu, count: Any, clocks: Any) -> None:
    marshal.put_list(count, clocks, gpu.board.memory_clocks_mhz[::-1])


@call("nvmlDeviceGetSupportedGraphicsClocks")
def graphics_clocks(_library: Library, gpu: SimulatedGpu, memory_mhz: Any, count: Any, clocks: Any) -> None:
    table = gpu.board.graphics_clocks_at(marshal.number(memory_mhz))
    if not table:
        raise Refusal(Code.NOT_FOUND)
    marshal.put_list(count, clocks, table[::-1])


@call("nvmlDeviceGetMinMaxClockOfPState")
def clocks_of_state(_library: Library, gpu: SimulatedGpu, kind: Any, _state: Any, low: Any, high: Any) -> None:
    wanted = marshal.number(kind)
    table = gpu.board.memory_clocks_mhz if wanted == _MEMORY else gpu.board.graphics_clocks_mhz
    marshal.put(low, table[0])
    marshal.put(high, _clock_max(gpu, wanted))


@call("nvmlDeviceGetCurrentClockFreqs", since=570)
def clock_text(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    """The envelope of the P-state and the clocks of now. Whether a lock would show is not known: here it does not."""
    asked = marshal.check_version(info, _TEXT_V1)
    asked.str = _clock_tokens(gpu, f"perf={gpu.operation.performance_state}, ").encode()


@call("nvmlDeviceGetPerformanceModes", since=570)
def performance_modes(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    asked = marshal.check_version(info, _TEXT_V1)
    asked.str = f"perf=0, {_clock_tokens(gpu, '')}".encode()


def _clock_tokens(gpu: SimulatedGpu, prefix: str) -> str:
    low, high = gpu.board.graphics_clocks_mhz[0], gpu.board.max_graphics_mhz
    memory_low, memory_high = gpu.board.memory_clocks_mhz[0], gpu.board.max_memory_mhz
    return (
        f"{prefix}nvclock={gpu.sm_clock}, nvclockmin={low}, nvclockmax={high}, nvclockeditable=0, "
        f"memclock={gpu.memory_clock}, memclockmin={memory_low}, memclockmax={memory_high}, memclockeditable=0"
    )


@call("nvmlDeviceGetClockOffsets", since=560)
def clock_offsets(_library: Library, _gpu: SimulatedGpu, info: Any) -> None:
    asked = marshal.check_version(info, _CLOCK_OFFSET_V1)
    asked.clockOffsetMHz, asked.minClockOffsetMHz, asked.maxClockOffsetMHz = 0, -1000, 1000


@call("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
def reasons(_library: Library, gpu: SimulatedGpu, mask: Any) -> None:
    marshal.put(mask, gpu.reasons)


@call("nvmlDeviceGetSupportedClocksEventReasons", "nvmlDeviceGetSupportedClocksThrottleReasons")
def known_reasons(_library: Library, _gpu: SimulatedGpu, mask: Any) -> None:
    marshal.put(mask, sum(THROTTLE_REASONS.values()))


# -- utilization and fans ------------------------------------------------------------------------


@call("nvmlDeviceGetUtilizationRates")
def utilization(_library: Library, gpu: SimulatedGpu, rates: Any) -> None:
    _require(not gpu.state.mig_current)
    marshal.fill(rates, gpu=gpu.utilization, memory=gpu.memory_utilization)


@call("nvmlDeviceGetEncoderUtilization", "nvmlDeviceGetDecoderUtilization")
@call("nvmlDeviceGetJpgUtilization", "nvmlDeviceGetOfaUtilization")
def engine_utilization(_library: Library, gpu: SimulatedGpu, percent: Any, microseconds: Any) -> None:
    _require(not gpu.state.mig_current)
    marshal.put(percent, 0)
    marshal.put(microseconds, 167_000)


@call("nvmlDeviceGetNumFans")
def fan_count(_library: Library, gpu: SimulatedGpu, count: Any) -> None:
    marshal.put(count, gpu.board.fans)


@call("nvmlDeviceGetFanSpeed")
def fan(_library: Library, gpu: SimulatedGpu, percent: Any) -> None:
    _require(gpu.board.fans > 0)
    marshal.put(percent, gpu.fan_percent)


@call("nvmlDeviceGetFanSpeed_v2", "nvmlDeviceGetTargetFanSpeed")
def fan_by_number(_library: Library, gpu: SimulatedGpu, number: Any, percent: Any) -> None:
    _require(gpu.board.fans > 0)
    if not 0 <= marshal.number(number) < gpu.board.fans:
        raise Refusal(Code.INVALID_ARGUMENT)
    marshal.put(percent, gpu.fan_percent)


# -- modes ---------------------------------------------------------------------------------------


@call("nvmlDeviceGetPersistenceMode")
def persistence(_library: Library, gpu: SimulatedGpu, mode: Any) -> None:
    marshal.put(mode, int(gpu.state.persistence))


@call("nvmlDeviceGetComputeMode")
def compute_mode(_library: Library, gpu: SimulatedGpu, mode: Any) -> None:
    marshal.put(mode, gpu.state.compute_mode)


@call("nvmlDeviceGetAccountingMode")
def accounting(_library: Library, gpu: SimulatedGpu, mode: Any) -> None:
    marshal.put(mode, int(gpu.state.accounting and not gpu.state.mig_current))


@call("nvmlDeviceGetAccountingBufferSize")
def accounting_buffer(_library: Library, _gpu: SimulatedGpu, size: Any) -> None:
    marshal.put(size, 4000)


@call("nvmlDeviceGetDisplayMode", deprecated_from=580)
@call("nvmlDeviceGetDisplayActive")
def display(_library: Library, _gpu: SimulatedGpu, mode: Any) -> None:
    marshal.put(mode, 0)


@call("nvmlDeviceGetEccMode")
def ecc(_library: Library, gpu: SimulatedGpu, current: Any, pending: Any) -> None:
    _require(gpu.board.has_ecc)
    marshal.put(current, int(gpu.state.ecc_current))
    marshal.put(pending, int(gpu.state.ecc_pending))


@call("nvmlDeviceGetDefaultEccMode")
def default_ecc(_library: Library, gpu: SimulatedGpu, mode: Any) -> None:
    _require(gpu.board.has_ecc)
    marshal.put(mode, 1)


@call("nvmlDeviceGetMigMode")
def mig(_library: Library, gpu: SimulatedGpu, current: Any, pending: Any) -> None:
    _require(gpu.board.has_mig)
    marshal.put(current, int(gpu.state.mig_current))
    marshal.put(pending, int(gpu.state.mig_pending))


@call("nvmlDeviceIsMigDeviceHandle")
def is_mig_device(_library: Library, _gpu: SimulatedGpu, answer: Any) -> None:
    marshal.put(answer, 0)


@call("nvmlDeviceGetMaxMigDeviceCount")
def mig_device_count(_library: Library, gpu: SimulatedGpu, count: Any) -> None:
    marshal.put(count, 7 if gpu.board.has_mig else 0)


@call("nvmlDeviceGetMigDeviceHandleByIndex")
def mig_device(_library: Library, gpu: SimulatedGpu, _number: Any, _device: Any) -> None:
    """MIG mode can be on; instances are not simulated."""
    _require(gpu.board.has_mig)
    raise Refusal(Code.NOT_FOUND)


@call("nvmlDeviceGetVirtualizationMode")
def virtualization(_library: Library, _gpu: SimulatedGpu, mode: Any) -> None:
    marshal.put(mode, 0)


@call("nvmlDeviceGetAddressingMode")
def addressing(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    marshal.check_version(info, _ADDRESSING_V1)
    marshal.fill(info, value=2 if gpu.board.is_grace else 1)


@call("nvmlDeviceGetNumaNodeId")
def numa_node(_library: Library, gpu: SimulatedGpu, node: Any) -> None:
    _require(gpu.board.is_grace)
    marshal.put(node, 2 + gpu.index)


# -- health --------------------------------------------------------------------------------------


@call("nvmlDeviceGetTotalEccErrors")
def ecc_errors(_library: Library, gpu: SimulatedGpu, kind: Any, _counter: Any, count: Any) -> None:
    _require(gpu.board.has_ecc and gpu.state.ecc_current)
    marshal.put(count, gpu.uncorrected_errors if marshal.number(kind) == 1 else 0)


@call("nvmlDeviceGetMemoryErrorCounter")
def memory_errors(_library: Library, gpu: SimulatedGpu, kind: Any, _counter: Any, location: Any, count: Any) -> None:
    _require(gpu.board.has_ecc and gpu.state.ecc_current)
    is_dram = marshal.number(location) == 2
    marshal.put(count, gpu.uncorrected_errors if marshal.number(kind) == 1 and is_dram else 0)


@call("nvmlDeviceGetRemappedRows")
def remapped_rows(_library: Library, gpu: SimulatedGpu, *counters: Any) -> None:
    _require(gpu.board.architecture_number >= 7 and gpu.board.has_ecc)
    for counter in counters:
        marshal.put(counter, 0)


@call("nvmlDeviceGetRetiredPages")
def retired_pages(_library: Library, gpu: SimulatedGpu, _cause: Any, count: Any, pages: Any) -> None:
    _require(gpu.board.architecture_number < 7)
    marshal.put_list(count, pages, ())


@call("nvmlDeviceGetRetiredPagesPendingStatus")
def retired_pages_pending(_library: Library, gpu: SimulatedGpu, pending: Any) -> None:
    _require(gpu.board.architecture_number < 7)
    marshal.put(pending, 0)


# -- processes -----------------------------------------------------------------------------------


def _process_rows(gpu: SimulatedGpu, *, is_graphics: bool) -> list[dict[str, int]]:
    return [
        {
            "pid": process.pid,
            "usedGpuMemory": process.memory,
            "gpuInstanceId": _NOT_AN_INSTANCE,
            "computeInstanceId": _NOT_AN_INSTANCE,
        }
        for process in gpu.processes
        if process.is_graphics == is_graphics
    ]


@call("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2")
def compute_processes(_library: Library, gpu: SimulatedGpu, count: Any, items: Any) -> None:
    marshal.put_structures(count, items, _process_rows(gpu, is_graphics=False))


@call("nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2")
def graphics_processes(_library: Library, gpu: SimulatedGpu, count: Any, items: Any) -> None:
    marshal.put_structures(count, items, _process_rows(gpu, is_graphics=True))


@call("nvmlDeviceGetMPSComputeRunningProcesses_v3", "nvmlDeviceGetMPSComputeRunningProcesses_v2")
def mps_processes(_library: Library, _gpu: SimulatedGpu, count: Any, items: Any) -> None:
    marshal.put_structures(count, items, ())


@call("nvmlDeviceGetProcessUtilization")
def process_utilization(library: Library, gpu: SimulatedGpu, samples: Any, count: Any, since: Any) -> None:
    """No sample newer than `since` is NOT_FOUND, which is normal. Time stamps are microseconds."""
    _require(not gpu.state.mig_current)
    stamp = int(library.state().now() * 1_000_000)
    busy = [process for process in gpu.processes if process.sm_utilization]
    if not busy or stamp <= marshal.number(since):
        raise Refusal(Code.NOT_FOUND)
    share = gpu.memory_utilization // len(busy)
    rows = [
        {
            "pid": entry.pid,
            "timeStamp": stamp,
            "smUtil": entry.sm_utilization,
            "memUtil": share,
            "encUtil": 0,
            "decUtil": 0,
        }
        for entry in busy
    ]
    marshal.put_structures(count, samples, rows)
