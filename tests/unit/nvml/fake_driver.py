"""A driver library of plain functions, put beneath pynvml: any symbol can be absent or answer any code."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pynvml

SUCCESS = 0
INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND, INSUFFICIENT_SIZE = 2, 3, 4, 6, 7
DRIVER_NOT_LOADED, TIMEOUT, FUNCTION_NOT_FOUND, GPU_IS_LOST, UNKNOWN = 9, 10, 13, 15, 999
VERSION_MISMATCH, DEPRECATED = 25, 26


@dataclass
class FakeGpu:
    """One H100 at work, in NVML's units: milliwatts, millijoules, bytes."""

    uuid: str = "GPU-00000000-aaaa"
    name: str = "NVIDIA H100 80GB HBM3"
    bus: str = "00000000:53:00.0"
    architecture: int = 9
    memory: tuple[int, int, int] = (80 * 2**30, 2 * 2**30, 1 * 2**30)  # total, used, reserved
    utilization: tuple[int, int] = (97, 41)
    temperature: int = 71
    memory_temperature: int = 80
    margin: int = 16
    power: int = 612_345
    requested: int = 650_000
    default: int = 700_000
    limits: tuple[int, int] = (200_000, 700_000)
    enforced: int = 600_000
    energy: int = 5_000_000
    sm_clock: int = 1755
    memory_clock: int = 2617
    clocks: dict[int, list[int]] = field(default_factory=lambda: {2619: [1980, 1965, 345], 1593: [1593, 345]})
    persistence: int = 1
    compute_mode: int = 0
    mig: int = 0
    ecc: int = 0
    reasons: int = 0x4
    compute_pids: tuple[int, ...] = (4711, 4712)
    graphics_pids: tuple[int, ...] = (4711,)
    pstate: int = 0
    field_type: int = 1
    field_code: int = SUCCESS


@dataclass
class FakeDriver:
    """`codes` are answers forced on a symbol, or on a symbol for one GPU: `("nvmlDeviceGetName", 1)`."""

    gpus: list[FakeGpu] = field(default_factory=lambda: [FakeGpu()])
    absent: set[str] = field(default_factory=set)
    codes: dict[str | tuple[str, int], int] = field(default_factory=dict)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    functions: dict[str, Callable[..., int]] = field(default_factory=lambda: dict(_SYMBOLS))

    def __getattr__(self, symbol: str) -> Callable[..., int]:
        if symbol not in self.functions or symbol in self.absent:
            raise AttributeError(symbol)

        def function(*arguments: Any) -> int:
            self.calls.append((symbol, *(value for value in map(_plain, arguments[1:]) if value is not None)))
            code = self.codes.get(symbol, self.codes.get((symbol, self._index(arguments))))
            return code if code is not None else self.functions[symbol](self, *arguments)

        return function

    def _index(self, arguments: tuple[Any, ...]) -> int:
        """The index of the GPU that the call is about, from its handle or its first number."""
        first = arguments[0] if arguments else None
        if isinstance(first, ctypes.c_uint):
            return first.value
        return _index_of(first) if isinstance(first, pynvml.c_nvmlDevice_t) else -1

    def gpu(self, handle: Any) -> FakeGpu:
        return self.gpus[_index_of(handle)]

    def lose(self, index: int, *, after: tuple[str, ...] = ()) -> None:
        """Everything that is asked of this GPU answers GPU_IS_LOST, save what stands in `after`."""
        kept = {"nvmlInitWithFlags", "nvmlShutdown", "nvmlDeviceGetCount_v2", *after}
        self.codes.update({(symbol, index): GPU_IS_LOST for symbol in _SYMBOLS if symbol not in kept})

    @contextmanager
    def plugged(self) -> Iterator[FakeDriver]:
        """Beneath pynvml for as long as the block lasts."""
        before = (pynvml.nvmlLib, pynvml._nvmlLib_refcount, dict(pynvml._nvmlGetFunctionPointer_cache))
        pynvml._nvmlGetFunctionPointer_cache.clear()
        pynvml.nvmlLib, pynvml._nvmlLib_refcount = self, 0
        try:
            yield self
        finally:
            pynvml.nvmlLib, pynvml._nvmlLib_refcount = before[:2]
            pynvml._nvmlGetFunctionPointer_cache.clear()
            pynvml._nvmlGetFunctionPointer_cache.update(before[2])


def _index_of(handle: Any) -> int:
    return (ctypes.cast(handle, ctypes.c_void_p).value or 0) - 1


def _plain(argument: Any) -> int | None:
    return argument.value if isinstance(argument, ctypes.c_uint | ctypes.c_int) else None


def _number(attribute: str) -> Callable[..., int]:
    def answer(driver: FakeDriver, handle: Any, *arguments: Any) -> int:
        arguments[-1]._obj.value = getattr(driver.gpu(handle), attribute)
        return SUCCESS

    return answer


def _text(attribute: str) -> Callable[..., int]:
    def answer(driver: FakeDriver, handle: Any, buffer: Any, _size: Any) -> int:
        buffer.value = getattr(driver.gpu(handle), attribute).encode()
        return SUCCESS

    return answer


def _members(read: Callable[[FakeGpu], Mapping[str, Any]]) -> Callable[..., int]:
    def answer(driver: FakeDriver, handle: Any, structure: Any) -> int:
        for member, value in read(driver.gpu(handle)).items():
            setattr(structure._obj, member, value)
        return SUCCESS

    return answer


def _pair(attribute: str) -> Callable[..., int]:
    def answer(driver: FakeDriver, handle: Any, first: Any, second: Any) -> int:
        first._obj.value, second._obj.value = getattr(driver.gpu(handle), attribute)
        return SUCCESS

    return answer


def _system_text(text: bytes) -> Callable[..., int]:
    def answer(_driver: FakeDriver, buffer: Any, _size: Any) -> int:
        buffer.value = text
        return SUCCESS

    return answer


def _set(attribute: str) -> Callable[..., int]:
    def answer(driver: FakeDriver, handle: Any, value: Any) -> int:
        setattr(driver.gpu(handle), attribute, value.value)
        return SUCCESS

    return answer


def _succeed(_driver: FakeDriver, *_arguments: Any) -> int:
    return SUCCESS


def _count(driver: FakeDriver, out: Any) -> int:
    out._obj.value = len(driver.gpus)
    return SUCCESS


def _cuda_version(_driver: FakeDriver, out: Any) -> int:
    out._obj.value = 13020
    return SUCCESS


def _give_handle(index: int, out: Any) -> int:
    ctypes.cast(out, ctypes.POINTER(ctypes.c_void_p))[0] = index + 1
    return SUCCESS


def _by_index(_driver: FakeDriver, index: Any, out: Any) -> int:
    return _give_handle(index.value, out)


def _by_uuid(driver: FakeDriver, uuid: Any, out: Any) -> int:
    uuids = [gpu.uuid for gpu in driver.gpus]
    wanted = uuid.value.decode()
    return _give_handle(uuids.index(wanted), out) if wanted in uuids else NOT_FOUND


def _own_index(_driver: FakeDriver, handle: Any, out: Any) -> int:
    out._obj.value = _index_of(handle)
    return SUCCESS


def _fill(values: list[int], count: Any, array: Any) -> int:
    """A list in the room that there is; where that is none or too little, its length."""
    room, count._obj.value = count._obj.value, len(values)
    if array is None or room < len(values):
        return INSUFFICIENT_SIZE if values else SUCCESS
    for position, value in enumerate(values):
        if hasattr(array[position], "pid"):
            array[position].pid = value
        else:
            array[position] = value
    return SUCCESS


def _memory_clocks(driver: FakeDriver, handle: Any, count: Any, array: Any) -> int:
    return _fill(list(driver.gpu(handle).clocks), count, array)


def _graphics_clocks(driver: FakeDriver, handle: Any, memory_clock: Any, count: Any, array: Any) -> int:
    return _fill(driver.gpu(handle).clocks[memory_clock.value], count, array)


def _processes(attribute: str) -> Callable[..., int]:
    def answer(driver: FakeDriver, handle: Any, count: Any, array: Any) -> int:
        return _fill(list(getattr(driver.gpu(handle), attribute)), count, array)

    return answer


def _clock(driver: FakeDriver, handle: Any, kind: Any, clock: Any) -> int:
    gpu = driver.gpu(handle)
    clock._obj.value = gpu.memory_clock if kind.value == 2 else gpu.sm_clock
    return SUCCESS


def _mig(driver: FakeDriver, handle: Any, current: Any, pending: Any) -> int:
    current._obj.value = driver.gpu(handle).mig
    pending._obj.value = 1 - driver.gpu(handle).mig
    return SUCCESS


def _field_values(driver: FakeDriver, handle: Any, _count: Any, values: Any) -> int:
    gpu, value = driver.gpu(handle), values._obj[0]
    value.nvmlReturn, value.valueType, value.value.siVal = gpu.field_code, gpu.field_type, gpu.memory_temperature
    return SUCCESS


_SYMBOLS: Mapping[str, Callable[..., int]] = {
    "nvmlInitWithFlags": _succeed,
    "nvmlShutdown": _succeed,
    "nvmlSystemGetDriverVersion": _system_text(b"580.105.08"),
    "nvmlSystemGetNVMLVersion": _system_text(b"13.580.105.08"),
    "nvmlSystemGetCudaDriverVersion": _cuda_version,
    "nvmlDeviceGetCount_v2": _count,
    "nvmlDeviceGetHandleByIndex_v2": _by_index,
    "nvmlDeviceGetHandleByUUID": _by_uuid,
    "nvmlDeviceGetIndex": _own_index,
    "nvmlDeviceGetUUID": _text("uuid"),
    "nvmlDeviceGetName": _text("name"),
    "nvmlDeviceGetPciInfo_v3": _members(lambda gpu: {"busId": gpu.bus.encode()}),
    "nvmlDeviceGetArchitecture": _number("architecture"),
    "nvmlDeviceGetMemoryInfo_v2": _members(
        lambda gpu: {"total": gpu.memory[0], "used": gpu.memory[1], "reserved": gpu.memory[2]}
    ),
    "nvmlDeviceGetMemoryInfo": _members(lambda gpu: {"total": gpu.memory[0], "used": gpu.memory[1] + gpu.memory[2]}),
    "nvmlDeviceGetUtilizationRates": _members(
        lambda gpu: {"gpu": gpu.utilization[0], "memory": gpu.utilization[1]},
    ),
    "nvmlDeviceGetTemperatureV": _members(lambda gpu: {"temperature": gpu.temperature}),
    "nvmlDeviceGetTemperature": _number("temperature"),
    "nvmlDeviceGetFieldValues": _field_values,
    "nvmlDeviceGetMarginTemperature": _members(lambda gpu: {"marginTemperature": gpu.margin}),
    "nvmlDeviceGetPowerUsage": _number("power"),
    "nvmlDeviceGetPowerManagementLimit": _number("requested"),
    "nvmlDeviceGetPowerManagementDefaultLimit": _number("default"),
    "nvmlDeviceGetPowerManagementLimitConstraints": _pair("limits"),
    "nvmlDeviceGetEnforcedPowerLimit": _number("enforced"),
    "nvmlDeviceGetTotalEnergyConsumption": _number("energy"),
    "nvmlDeviceGetClockInfo": _clock,
    "nvmlDeviceGetSupportedMemoryClocks": _memory_clocks,
    "nvmlDeviceGetSupportedGraphicsClocks": _graphics_clocks,
    "nvmlDeviceGetPersistenceMode": _number("persistence"),
    "nvmlDeviceGetComputeMode": _number("compute_mode"),
    "nvmlDeviceGetMigMode": _mig,
    "nvmlDeviceGetTotalEccErrors": _number("ecc"),
    "nvmlDeviceGetCurrentClocksEventReasons": _number("reasons"),
    "nvmlDeviceGetCurrentClocksThrottleReasons": _number("reasons"),
    "nvmlDeviceGetComputeRunningProcesses_v3": _processes("compute_pids"),
    "nvmlDeviceGetGraphicsRunningProcesses_v3": _processes("graphics_pids"),
    "nvmlDeviceGetPerformanceState": _number("pstate"),
    "nvmlDeviceSetPowerManagementLimit": _set("requested"),
    "nvmlDeviceSetPowerManagementLimit_v2": _succeed,
    "nvmlDeviceSetGpuLockedClocks": _succeed,
    "nvmlDeviceResetGpuLockedClocks": _succeed,
    "nvmlDeviceSetMemoryLockedClocks": _succeed,
    "nvmlDeviceResetMemoryLockedClocks": _succeed,
    "nvmlDeviceSetPersistenceMode": _set("persistence"),
    "nvmlDeviceSetComputeMode": _set("compute_mode"),
}
