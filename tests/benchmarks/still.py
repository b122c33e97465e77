"""A driver library in C that answers at once, so that what esnode itself costs can be told from what a driver costs.

It stands in the place of NVIDIA's: the dynamic linker finds it by LD_LIBRARY_PATH, pynvml loads it, and esnode runs as
on hardware, without `-simulate`. What it says is a picture of a simulated machine, taken through pynvml.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from ctypes import c_char, c_int32, c_uint32, c_uint64
from pathlib import Path
from typing import Any, ClassVar, Final

import pynvml

from esnode.simulator.world import open_world

SOURCE: Final = Path(__file__).with_name("still_driver.c")
_MEMORY_V2: Final = 0x0200_0028
_MEMORY_TEMPERATURE: Final = 82


class _Gpu(ctypes.Structure):
    """`Gpu` of still_driver.c."""

    _fields_: ClassVar = [
        ("uuid", c_char * 96),
        ("name", c_char * 96),
        ("bus_id_legacy", c_char * 16),
        ("bus_id", c_char * 32),
        *((name, c_uint32) for name in ("domain", "bus", "device", "pci_device", "pci_subsystem")),
        *((name, c_uint32) for name in ("architecture", "mig_current", "mig_pending", "persistence", "compute_mode")),
        *((name, c_uint32) for name in ("limit", "limit_default", "limit_min", "limit_max", "draw")),
        ("temperature", c_int32),
        ("margin", c_int32),
        *((name, c_uint32) for name in ("memory_temperature", "utilization", "memory_utilization")),
        *((name, c_uint32) for name in ("sm_clock", "memory_clock", "performance_state")),
        ("memory_clock_count", c_uint32),
        ("memory_clocks", c_uint32 * 8),
        ("graphics_clock_count", c_uint32),
        ("graphics_clocks", c_uint32 * 512),
        *((name, c_uint64) for name in ("memory_total", "memory_reserved", "memory_free", "memory_used")),
        *((name, c_uint64) for name in ("energy", "event_reasons", "ecc_errors")),
    ]


class _Machine(ctypes.Structure):
    """`Machine` of still_driver.c, without its GPUs."""

    _fields_: ClassVar = [("driver", c_char * 80), ("nvml", c_char * 80), ("cuda", c_uint32), ("count", c_uint32)]


class StillDriver:
    """The library, built into `folder`, and its picture of the machine in a world file.

    AssertionError where there is no C compiler (see `has_compiler`) and where it does not compile.
    """

    def __init__(self, folder: Path, world: Path) -> None:
        self._picture = folder / "picture"
        self._picture.write_bytes(_picture_of(world))
        library = folder / "libnvidia-ml.so.1"
        build = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
        done = subprocess.run(build, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self.env: Final = {"LD_LIBRARY_PATH": str(folder), "STILL_DRIVER": str(self._picture)}
        """What a program's environment needs to find it."""

    @property
    def limits(self) -> Sequence[int]:
        """The power limits in force, in watts."""
        return [gpu.limit // 1000 for gpu in self._gpus()]

    def _gpus(self) -> Sequence[Any]:
        data = self._picture.read_bytes()
        layout = _Gpu * _Machine.from_buffer_copy(data).count
        return list(layout.from_buffer_copy(data, ctypes.sizeof(_Machine)))


def has_compiler() -> bool:
    return shutil.which("cc") is not None


def _picture_of(world: Path) -> bytes:
    with open_world(world).plug():
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        machine = _Machine(
            driver=pynvml.nvmlSystemGetDriverVersion().encode(),
            nvml=pynvml.nvmlSystemGetNVMLVersion().encode(),
            cuda=pynvml.nvmlSystemGetCudaDriverVersion(),
            count=count,
        )
        gpus = [_gpu(pynvml.nvmlDeviceGetHandleByIndex(index)) for index in range(count)]
        pynvml.nvmlShutdown()
    return bytes(machine) + b"".join(map(bytes, gpus))


def _gpu(handle: Any) -> _Gpu:
    """What the simulated GPU says to every question that the library answers."""
    pci, memory = pynvml.nvmlDeviceGetPciInfo(handle), pynvml.nvmlDeviceGetMemoryInfo(handle, _MEMORY_V2)
    rates = pynvml.nvmlDeviceGetUtilizationRates(handle)
    lowest, highest = pynvml.nvmlDeviceGetPowerManagementLimitConstraints(handle)
    mig_current, mig_pending = pynvml.nvmlDeviceGetMigMode(handle)
    memory_clocks = pynvml.nvmlDeviceGetSupportedMemoryClocks(handle)
    graphics_clocks = pynvml.nvmlDeviceGetSupportedGraphicsClocks(handle, memory_clocks[0])
    return _Gpu(
        uuid=pynvml.nvmlDeviceGetUUID(handle).encode(),
        name=pynvml.nvmlDeviceGetName(handle).encode(),
        bus_id_legacy=pci.busIdLegacy.encode(),
        bus_id=pci.busId.encode(),
        domain=pci.domain,
        bus=pci.bus,
        device=pci.device,
        pci_device=pci.pciDeviceId,
        pci_subsystem=pci.pciSubSystemId,
        architecture=pynvml.nvmlDeviceGetArchitecture(handle),
        mig_current=mig_current,
        mig_pending=mig_pending,
        persistence=pynvml.nvmlDeviceGetPersistenceMode(handle),
        compute_mode=pynvml.nvmlDeviceGetComputeMode(handle),
        limit=pynvml.nvmlDeviceGetPowerManagementLimit(handle),
        limit_default=pynvml.nvmlDeviceGetPowerManagementDefaultLimit(handle),
        limit_min=lowest,
        limit_max=highest,
        draw=pynvml.nvmlDeviceGetPowerUsage(handle),
        temperature=pynvml.nvmlDeviceGetTemperatureV(handle, pynvml.NVML_TEMPERATURE_GPU),
        margin=pynvml.nvmlDeviceGetMarginTemperature(handle),
        memory_temperature=pynvml.nvmlDeviceGetFieldValues(handle, [_MEMORY_TEMPERATURE])[0].value.uiVal,
        utilization=rates.gpu,
        memory_utilization=rates.memory,
        sm_clock=pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM),
        memory_clock=pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM),
        performance_state=pynvml.nvmlDeviceGetPerformanceState(handle),
        memory_clock_count=len(memory_clocks),
        memory_clocks=(c_uint32 * 8)(*memory_clocks),
        graphics_clock_count=len(graphics_clocks),
        graphics_clocks=(c_uint32 * 512)(*graphics_clocks),
        memory_total=memory.total,
        memory_reserved=memory.reserved,
        memory_free=memory.free,
        memory_used=memory.used,
        energy=pynvml.nvmlDeviceGetTotalEnergyConsumption(handle),
        event_reasons=pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle),
        ecc_errors=pynvml.nvmlDeviceGetTotalEccErrors(handle, 1, 0),
    )
