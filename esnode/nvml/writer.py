"""What changes a GPU. Only `esnode.actuators` may import this module.

Only pynvml wrappers that check the driver's code are used here. nvmlDeviceSetPowerManagementLimit_v2
is not: it answers "success" whatever the driver said, in every release from 12.535 to 13.615.
"""

from __future__ import annotations

import math
from typing import Final

from esnode.errors import BadValue
from esnode.model.settings import COMPUTE_MODES, ClockRange
from esnode.nvml.device import Device
from esnode.nvml.library import invoke
from esnode.records import dataclass
from esnode.units import milliwatts

# ctypes cuts a number to 32 bits without a word: a limit of 4,294,968 W would arrive as one of 704 mW.
_HIGHEST_POWER: Final = (2**32 - 2) / 1000
# From here on NVML takes a clock for a symbol such as "unlimited" (NVML_CLOCK_LIMIT_ID_RANGE_START).
_FIRST_SYMBOL: Final = 0xFFFF_FF00


@dataclass(frozen=True, slots=True)
class DeviceWriter:
    """Writes to one GPU. Each method raises one of esnode's driver errors unless the driver said "success"."""

    device: Device

    def set_power_limit(self, limit: float) -> None:
        """The requested power limit, in watts. ArgumentRefused outside of the board's range: nothing is clamped."""
        if not (math.isfinite(limit) and 0 < limit <= _HIGHEST_POWER):
            raise BadValue(f"{limit} is not a power limit in watts")
        self._tell("nvmlDeviceSetPowerManagementLimit", milliwatts(limit))

    def lock_graphics_clock(self, clocks: ClockRange) -> None:
        """Volta and later. "Success" means accepted: power and temperature may still bring the clock below."""
        self._lock("nvmlDeviceSetGpuLockedClocks", clocks)

    def reset_graphics_clock(self) -> None:
        self._tell("nvmlDeviceResetGpuLockedClocks")

    def lock_memory_clock(self, clocks: ClockRange) -> None:
        """Ampere and later."""
        self._lock("nvmlDeviceSetMemoryLockedClocks", clocks)

    def reset_memory_clock(self) -> None:
        self._tell("nvmlDeviceResetMemoryLockedClocks")

    def set_persistence(self, on: bool) -> None:
        self._tell("nvmlDeviceSetPersistenceMode", int(on))

    def set_compute_mode(self, mode: str) -> None:
        """One of COMPUTE_MODES, else BadValue."""
        if mode not in COMPUTE_MODES:
            raise BadValue(f'"{mode}" is not a compute mode', next_step=f"Use one of: {', '.join(COMPUTE_MODES)}.")
        self._tell("nvmlDeviceSetComputeMode", COMPUTE_MODES.index(mode))

    def _lock(self, wrapper: str, clocks: ClockRange) -> None:
        if not 0 <= clocks.min <= clocks.max < _FIRST_SYMBOL:
            raise BadValue(f"{clocks.min}-{clocks.max} MHz is not a clock range")
        self._tell(wrapper, clocks.min, clocks.max)

    def _tell(self, wrapper: str, *arguments: int) -> None:
        invoke(wrapper, self.device.handle, *arguments, about=self.device.uuid)
