"""One GPU as its driver shows it: read-only, one getter per fact.

Watts, joules, MHz, degrees Celsius, percent, bytes. Every getter raises one of esnode's driver errors;
`esnode.nvml.failures.read` makes a reading of it. It asks the driver anew, except for what the product is: its
name, place, architecture and clock tables cannot change while the driver is open, and are asked for once.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from esnode.errors import NotSupported
from esnode.model.readings import UNSUPPORTED, Reading
from esnode.model.settings import COMPUTE_MODES
from esnode.nvml.failures import Code, failure
from esnode.nvml.library import invoke, invoke_for_number
from esnode.nvml.lists import Listed, RunningProcess, invoke_for_list
from esnode.records import dataclass, field
from esnode.units import watts

T = TypeVar("T")

_MEMORY_V2: Final = 0x0200_0028  # nvmlMemory_v2: size of the structure and its version
_GPU_SENSOR: Final = 0
_SM_CLOCK, _MEMORY_CLOCK = 1, 2  # nvmlClockType_t
_MEMORY_TEMPERATURE: Final = 82  # NVML_FI_DEV_MEMORY_TEMP
_UNCORRECTED, _VOLATILE = 1, 0
_LAST_PERFORMANCE_STATE: Final = 15

# nvmlDeviceArchitecture_t, in the words of nvidia-smi.
_ARCHITECTURES: Final[Mapping[int, str]] = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada Lovelace",
    9: "Hopper",
    10: "Blackwell",
    13: "Rubin",
}

# nvmlValueType_t: what a field's eight bytes hold. Older releases of pynvml lack members for some.
_FIELD_TYPES: Final = (
    ctypes.c_double,
    ctypes.c_uint,
    ctypes.c_ulong,
    ctypes.c_ulonglong,
    ctypes.c_longlong,
    ctypes.c_int,
    ctypes.c_ushort,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """The frame buffer, in bytes.

    `used` leaves out what the driver reserved for itself (`reserved`). A driver without
    nvmlDeviceGetMemoryInfo_v2 cannot tell the two apart: `used` then includes the reserved part,
    some hundred MiB, and `reserved` is missing.
    """

    total: int
    used: int
    free: int
    reserved: Reading[int] = UNSUPPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Utilization:
    """Percent of the driver's last sample period in which kernels ran, and memory was accessed."""

    gpu: int
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRange:
    """The lowest and the highest power limit that can be requested, in watts."""

    min: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Device:
    """A handle that the driver gave for the GPU of this UUID. `index` is for people, `known` what was asked before."""

    handle: Any
    uuid: str
    index: int
    known: dict[str, Any] = field(default_factory=dict)

    def name(self) -> str:
        """The product's name: `NVIDIA H100 80GB HBM3`."""
        return self._once("name", lambda: str(self._ask("nvmlDeviceGetName")))

    def pci_bus_id(self) -> str:
        """With a domain of eight digits: `00000000:53:00.0`."""
        return self._once("pci_bus_id", lambda: str(self._ask("nvmlDeviceGetPciInfo").busId))

    def architecture(self) -> str:
        """As nvidia-smi writes it: `Hopper`, `Ada Lovelace`. One that is too new to be known is NotSupported."""
        return self._once("architecture", self._architecture)

    def _architecture(self) -> str:
        number = self._number("nvmlDeviceGetArchitecture")
        if number not in _ARCHITECTURES:
            raise self._not_supported("nvmlDeviceGetArchitecture")
        return _ARCHITECTURES[number]

    def memory(self) -> MemoryUse:
        return _first_supported(self._memory_v2, self._memory_v1)

    def utilization(self) -> Utilization:
        """NotSupported while MIG is on."""
        rates = self._ask("nvmlDeviceGetUtilizationRates")
        if max(rates.gpu, rates.memory) > 100:
            raise self._not_supported("nvmlDeviceGetUtilizationRates")
        return Utilization(gpu=rates.gpu, memory=rates.memory)

    def temperature_celsius(self) -> int:
        """Of the die. nvmlDeviceGetTemperatureV, which drivers up to 550 lack, else the call that it replaces."""
        return _first_supported(
            lambda: int(self._ask("nvmlDeviceGetTemperatureV", _GPU_SENSOR)),
            lambda: _signed(self._number("nvmlDeviceGetTemperature", _GPU_SENSOR)),
        )

    def memory_temperature_celsius(self) -> int:
        return int(self._field(_MEMORY_TEMPERATURE))

    def temperature_margin_celsius(self) -> int:
        """Degrees left until the GPU slows itself down (T.Limit); newer boards and drivers only."""
        return int(self._ask("nvmlDeviceGetMarginTemperature"))

    def power_watts(self) -> float:
        """The draw; an average over one second on most boards since Ampere (nvml.h)."""
        return watts(self._number("nvmlDeviceGetPowerUsage"))

    def requested_power_limit_watts(self) -> float:
        """What NVML's clients asked for. The limit in force can be lower, see `enforced_power_limit_watts`."""
        return watts(self._number("nvmlDeviceGetPowerManagementLimit"))

    def default_power_limit_watts(self) -> float:
        return watts(self._number("nvmlDeviceGetPowerManagementDefaultLimit"))

    def power_limit_range_watts(self) -> PowerRange:
        lowest, highest = self._ask("nvmlDeviceGetPowerManagementLimitConstraints")
        return PowerRange(min=watts(lowest), max=watts(highest))

    def enforced_power_limit_watts(self) -> float:
        """The lowest of all limiters: the VBIOS, NVML's clients, a BMC."""
        return watts(self._number("nvmlDeviceGetEnforcedPowerLimit"))

    def energy_joules(self) -> float:
        """Used since the driver was loaded; Volta and later."""
        return self._number("nvmlDeviceGetTotalEnergyConsumption") / 1000

    def sm_clock_mhz(self) -> int:
        return self._number("nvmlDeviceGetClockInfo", _SM_CLOCK)

    def memory_clock_mhz(self) -> int:
        """Now. Some boards show 1 or 2 MHz less than their table says (T4: 5000 of 5001)."""
        return self._number("nvmlDeviceGetClockInfo", _MEMORY_CLOCK)

    def memory_clocks_mhz(self) -> tuple[int, ...]:
        """All that are supported, ascending."""
        return self._once("memory_clocks", lambda: self._clocks("nvmlDeviceGetSupportedMemoryClocks"))

    def graphics_clocks_mhz(self) -> tuple[int, ...]:
        """All that are supported with one memory clock or another, ascending."""
        return self._once("graphics_clocks", self._graphics_clocks)

    def _graphics_clocks(self) -> tuple[int, ...]:
        by_memory_clock = (
            self._clocks("nvmlDeviceGetSupportedGraphicsClocks", ctypes.c_uint(clock))
            for clock in self.memory_clocks_mhz()
        )
        return tuple(sorted({clock for clocks in by_memory_clock for clock in clocks}))

    def is_persistent(self) -> bool:
        return self._number("nvmlDeviceGetPersistenceMode") == 1

    def compute_mode(self) -> str:
        """One of COMPUTE_MODES."""
        number = self._number("nvmlDeviceGetComputeMode")
        if number >= len(COMPUTE_MODES):
            raise self._not_supported("nvmlDeviceGetComputeMode")
        return COMPUTE_MODES[number]

    def mig_mode(self) -> str:
        """The mode in force, not the pending one: `enabled` or `disabled`."""
        current, _pending = self._ask("nvmlDeviceGetMigMode")
        return "enabled" if current else "disabled"

    def uncorrected_ecc_errors(self) -> int:
        """The volatile count: since the driver was loaded."""
        return self._number("nvmlDeviceGetTotalEccErrors", _UNCORRECTED, _VOLATILE)

    def clocks_event_reasons(self) -> int:
        """A mask of THROTTLE_REASONS, under the symbol's new name or its old one."""
        return _first_supported(
            lambda: self._number("nvmlDeviceGetCurrentClocksEventReasons"),
            lambda: self._number("nvmlDeviceGetCurrentClocksThrottleReasons"),
        )

    def process_count(self) -> int:
        """Processes that have the GPU open for compute or graphics; one that does both counts once."""
        compute = self._list("nvmlDeviceGetComputeRunningProcesses_v3", of=RunningProcess)
        graphics = self._list("nvmlDeviceGetGraphicsRunningProcesses_v3", of=RunningProcess)
        return len({process.pid for process in [*compute, *graphics]})

    def performance_state(self) -> int:
        """0 (P0, the highest) to 15."""
        state = self._number("nvmlDeviceGetPerformanceState")
        if state > _LAST_PERFORMANCE_STATE:
            raise self._not_supported("nvmlDeviceGetPerformanceState")
        return state

    # -- how the driver is asked ---------------------------------------------------------------

    def _once(self, fact: str, ask: Callable[[], T]) -> T:
        """The answer, which is remembered; an error is not."""
        if fact not in self.known:
            self.known[fact] = ask()
        answer: T = self.known[fact]
        return answer

    def _ask(self, wrapper: str, *arguments: object) -> Any:
        return invoke(wrapper, self.handle, *arguments, about=self.uuid)

    def _number(self, wrapper: str, *arguments: object) -> int:
        return invoke_for_number(wrapper, self.handle, *arguments, about=self.uuid)

    def _not_supported(self, call: str) -> Exception:
        return failure(Code.NOT_SUPPORTED, call=call, about=self.uuid)

    def _memory_v2(self) -> MemoryUse:
        info = self._ask("nvmlDeviceGetMemoryInfo", _MEMORY_V2)
        return MemoryUse(total=info.total, used=info.used, free=info.free, reserved=info.reserved)

    def _memory_v1(self) -> MemoryUse:
        info = self._ask("nvmlDeviceGetMemoryInfo")
        return MemoryUse(total=info.total, used=info.used, free=info.free)

    def _list(self, symbol: str, *arguments: object, of: type[Listed]) -> list[Any]:
        return invoke_for_list(symbol, self.handle, *arguments, of=of, about=self.uuid)

    def _clocks(self, symbol: str, *arguments: object) -> tuple[int, ...]:
        """Ascending. A driver that lists none does not support the question."""
        clocks = self._list(symbol, *arguments, of=ctypes.c_uint)
        if not clocks:
            raise self._not_supported(symbol)
        return tuple(sorted(set(clocks)))

    def _field(self, field: int) -> float:
        """One field's value. The call as a whole succeeds when any field did, so the field's own code counts."""
        call = "nvmlDeviceGetFieldValues"
        answer = self._ask(call, [field])[0]
        if answer.nvmlReturn:
            raise failure(answer.nvmlReturn, call=f"{call}({field})", about=self.uuid)
        if answer.valueType >= len(_FIELD_TYPES):
            raise self._not_supported(f"{call}({field})")
        return float(_FIELD_TYPES[answer.valueType].from_buffer(answer.value).value)


def _first_supported(*getters: Callable[[], T]) -> T:
    """The first answer. Only NotSupported moves on to the next getter; the last one's error is the caller's."""
    for getter in getters[:-1]:
        try:
            return getter()
        except NotSupported:
            continue
    return getters[-1]()


def _signed(number: int) -> int:
    """The old temperature call has an unsigned answer: five degrees below zero is 4294967291 there."""
    return number - 2**32 if number >= 2**31 else number
