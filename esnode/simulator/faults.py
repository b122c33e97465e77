"""Faults that can be injected into a simulated machine.

Written `kind[:argument][:once]`, several with commas between them. The last part of most kinds is the call
that it is for: an NVML symbol, or the name of a setting or metric, which stands for its symbols.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from esnode.errors import BadValue
from esnode.model.metrics import THROTTLE_REASONS


class FaultKind(StrEnum):
    NO_PERMISSION = "no_permission"
    NOT_SUPPORTED = "not_supported"
    GPU_LOST = "gpu_lost"
    SENSOR_ERROR = "sensor_error"
    LYING_SETTER = "lying_setter"
    SLOW = "slow"
    HANG = "hang"
    TIMEOUT = "timeout"
    IN_USE = "in_use"
    DRIVER_RESTART = "driver_restart"


_REASONS: Final = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")

SYMBOLS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "power_limit_watts": (
        *("nvmlDeviceSetPowerManagementLimit", "nvmlDeviceSetPowerManagementLimit_v2"),
        *("nvmlDeviceGetPowerManagementLimit", "field:192"),
    ),
    "graphics_clock_mhz": ("nvmlDeviceSetGpuLockedClocks", "nvmlDeviceResetGpuLockedClocks"),
    "memory_clock_mhz": ("nvmlDeviceSetMemoryLockedClocks", "nvmlDeviceResetMemoryLockedClocks"),
    "persistence_mode": ("nvmlDeviceSetPersistenceMode", "nvmlDeviceGetPersistenceMode"),
    "compute_mode": ("nvmlDeviceSetComputeMode", "nvmlDeviceGetComputeMode"),
    "gpu_temp_celsius": ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature"),
    "gpu_memory_temp_celsius": ("field:82",),
    "gpu_temp_margin_celsius": ("nvmlDeviceGetMarginTemperature",),
    "gpu_utilization": ("nvmlDeviceGetUtilizationRates",),
    "memory_utilization": ("nvmlDeviceGetUtilizationRates",),
    "gpu_power_watts": ("nvmlDeviceGetPowerUsage", "field:185", "field:186"),
    "memory_allocated_percent": ("nvmlDeviceGetMemoryInfo", "nvmlDeviceGetMemoryInfo_v2"),
    "gpu_sm_clock_mhz": ("nvmlDeviceGetClockInfo", "nvmlDeviceGetClock"),
    "ecc_uncorrected_errors": ("nvmlDeviceGetTotalEccErrors", "nvmlDeviceGetMemoryErrorCounter"),
    "process_count": ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v3"),
    "energy": ("nvmlDeviceGetTotalEnergyConsumption", "field:83"),
    **{f"throttle_reason_{reason}": _REASONS for reason in THROTTLE_REASONS},
}
"""What a setting or metric stands for. `field:N` is one field of nvmlDeviceGetFieldValues."""

_NEEDS_CALL: Final = (FaultKind.NOT_SUPPORTED, FaultKind.TIMEOUT)


class Fault(NamedTuple):
    """`symbols` empty: every call of the kind. `milliseconds` is for `slow` only."""

    text: str
    kind: FaultKind
    symbols: tuple[str, ...] = ()
    milliseconds: float = 0.0
    once: bool = False

    def strikes(self, symbol: str) -> bool:
        return not self.symbols or symbol in self.symbols


def parse_faults(text: str, known_symbols: frozenset[str]) -> list[str]:
    """The faults in a text, each in its written form; "none" is the empty list. Raises BadValue."""
    if text.strip() in ("none", ""):
        return []
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        fault = parse_fault(part)
        for symbol in fault.symbols:
            if symbol not in known_symbols and not symbol.startswith("field:"):
                raise BadValue(
                    f'"{symbol}" is neither a call of NVML that the simulator has nor a setting or metric',
                    next_step=_nearest(symbol, [*SYMBOLS_OF, *known_symbols]),
                )
    return parts


@lru_cache(maxsize=256)
def parse_fault(text: str) -> Fault:
    """One fault. Raises BadValue."""
    kind_name, *rest = text.split(":")
    if kind_name not in list(FaultKind):
        raise BadValue(f'"{kind_name}" is not a fault', next_step=_nearest(kind_name, [*FaultKind, "none"]))
    kind = FaultKind(kind_name)
    once = bool(rest) and rest[-1] == "once"
    rest = rest[:-1] if once else rest
    milliseconds = 0.0
    if kind is FaultKind.SLOW:
        milliseconds = _milliseconds(text, rest)
        rest = rest[1:]
    if kind in _NEEDS_CALL and not rest:
        raise BadValue(f'the fault "{text}" does not say which call', next_step=f"Write {kind}:power_limit_watts.")
    if len(rest) > 1:
        raise BadValue(f'"{text}" has too many parts', next_step="Write kind, call and `once` with colons between.")
    symbols = SYMBOLS_OF.get(rest[0], (rest[0],)) if rest else ()
    # A driver that was restarted, restarted once.
    once = once or kind is FaultKind.DRIVER_RESTART
    return Fault(text=text, kind=kind, symbols=symbols, milliseconds=milliseconds, once=once)


def _milliseconds(text: str, rest: list[str]) -> float:
    try:
        return float(rest[0].removesuffix("ms"))
    except (IndexError, ValueError):
        raise BadValue(
            f'the fault "{text}" does not say how slow', next_step="Write slow:200 (milliseconds)."
        ) from None


def _nearest(word: str, known: list[str]) -> str:
    from esnode.simulator.nodes import did_you_mean

    return did_you_mean(word, known)
