"""What esnode's metrics are called by those who record them.

nvidia-smi's names are those of `nvidia-smi --help-query-gpu`, without their unit; dcgm-exporter's those of its default
counters. What is no metric by itself (`memory.used`, a mask of reasons) is put together in `samples`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from esnode.model.metrics import METRICS, PROMETHEUS_PREFIX, THROTTLE_REASONS, metric

MEMORY_USED, MEMORY_FREE, MEMORY_RESERVED, MEMORY_TOTAL = (
    "memory used",
    "memory free",
    "memory reserved",
    "memory total",
)
REASONS: Final = "reasons"
PARTS: Final = (MEMORY_USED, MEMORY_FREE, MEMORY_RESERVED, MEMORY_TOTAL, REASONS)

_NVIDIA_SMI: Final[Mapping[str, str]] = {
    "temperature.gpu": "gpu_temp_celsius",
    "temperature.memory": "gpu_memory_temp_celsius",
    "temperature.gpu.tlimit": "gpu_temp_margin_celsius",
    "utilization.gpu": "gpu_utilization",
    "utilization.memory": "memory_utilization",
    "power.draw": "gpu_power_watts",
    "power.draw.average": "gpu_power_watts",
    "clocks.sm": "gpu_sm_clock_mhz",
    "clocks.current.sm": "gpu_sm_clock_mhz",
    "ecc.errors.uncorrected.volatile.total": "ecc_uncorrected_errors",
    "memory.used": MEMORY_USED,
    "memory.free": MEMORY_FREE,
    "memory.reserved": MEMORY_RESERVED,
    "memory.total": MEMORY_TOTAL,
    "clocks_event_reasons.active": REASONS,
    "clocks_throttle_reasons.active": REASONS,
    **{
        f"clocks_{word}_reasons.{reason}": f"throttle_reason_{reason}"
        for word in ("event", "throttle")
        for reason in THROTTLE_REASONS
    },
}

_DCGM: Final[Mapping[str, str]] = {
    "DCGM_FI_DEV_GPU_TEMP": "gpu_temp_celsius",
    "DCGM_FI_DEV_MEMORY_TEMP": "gpu_memory_temp_celsius",
    "DCGM_FI_DEV_GPU_TEMP_LIMIT": "gpu_temp_margin_celsius",
    "DCGM_FI_DEV_GPU_UTIL": "gpu_utilization",
    "DCGM_FI_DEV_MEM_COPY_UTIL": "memory_utilization",
    "DCGM_FI_DEV_POWER_USAGE": "gpu_power_watts",
    "DCGM_FI_DEV_SM_CLOCK": "gpu_sm_clock_mhz",
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": "ecc_uncorrected_errors",
    "DCGM_FI_DEV_FB_USED": MEMORY_USED,
    "DCGM_FI_DEV_FB_FREE": MEMORY_FREE,
    "DCGM_FI_DEV_FB_RESERVED": MEMORY_RESERVED,
    "DCGM_FI_DEV_FB_TOTAL": MEMORY_TOTAL,
    "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": REASONS,
    "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS": REASONS,
}

_KNOWN: Final[Mapping[str, str]] = {**{name: name for name in METRICS}, **_NVIDIA_SMI, **_DCGM}


def meaning_of(name: str) -> str:
    """The metric, or the part of one, that a recording calls by this name; "" for anything else."""
    if name.startswith(PROMETHEUS_PREFIX):
        return metric(name).name
    return _KNOWN.get(name, "")


def recognised() -> str:
    """Some of the names, for an error message."""
    return "gpu_temp_celsius, temperature.gpu, DCGM_FI_DEV_GPU_TEMP"
