"""One NVML session per process: from nvmlInit to nvmlShutdown."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from esnode.errors import DriverCallFailed, GpuLost, NotSupported
from esnode.model.hardware import UnidentifiedGpu
from esnode.model.readings import Reading
from esnode.nvml.device import Device
from esnode.nvml.failures import DRIVER_ERRORS, Code, as_missing, no_driver, read
from esnode.nvml.library import invoke, invoke_for_number, invoke_for_text

_NO_SUCH_UUID: Final = (Code.NOT_FOUND, Code.INVALID_ARGUMENT)


class DriverSession:
    """`with DriverSession() as session:`. Raises DriverUnavailable where there is no driver.

    Initialising is lazy: it is taking a GPU's handle that wakes it, which takes seconds when
    persistence mode is off. Handles are asked for anew each time, never kept: a GPU can fall off the
    bus, and on boards whose memory is a NUMA node switching persistence mode off invalidates them.
    What a product is, by contrast, is asked for once (see `Device`).
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        try:
            invoke("nvmlInit")
        except NotSupported as problem:
            # A stub library, as CUDA's build images have it, exports names without functions behind them.
            raise no_driver(problem.code) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(*DRIVER_ERRORS):  # nothing depends on a clean goodbye
            invoke("nvmlShutdown")

    def driver_version(self) -> Reading[str]:
        return read(lambda: invoke_for_text("nvmlSystemGetDriverVersion"))

    def nvml_version(self) -> Reading[str]:
        return read(lambda: invoke_for_text("nvmlSystemGetNVMLVersion"))

    def cuda_version(self) -> Reading[str]:
        """The highest CUDA version that the driver supports, such as `13.0`."""
        return read(_cuda_version)

    def devices(self) -> list[Device | UnidentifiedGpu]:
        """All GPUs, by index. One whose handle or UUID the driver does not give stops no other."""
        return [self.device_at(index) for index in range(self.count())]

    def count(self) -> int:
        """How many GPUs the driver counts, lost ones too."""
        return invoke_for_number("nvmlDeviceGetCount")

    def device(self, uuid: str) -> Device:
        """The GPU of this UUID. Raises GpuLost when there is none, and the other driver errors.

        The UUID is read back from the handle: between two calls the driver may have counted anew.
        """
        try:
            handle = invoke("nvmlDeviceGetHandleByUUID", uuid, about=uuid)
            index = invoke_for_number("nvmlDeviceGetIndex", handle, about=uuid)
            device = self._device(handle, _uuid_of(handle, uuid), index)
        except DriverCallFailed as problem:
            return self._found_by_index(uuid, problem)
        if device.uuid != uuid:
            raise _gone(uuid, Code.GPU_NOT_FOUND)
        return device

    def device_at(self, index: int) -> Device | UnidentifiedGpu:
        """The GPU of this index, or why the driver does not say which one it is."""
        about = f"GPU {index}"
        try:
            handle = invoke("nvmlDeviceGetHandleByIndex", index, about=about)
            return self._device(handle, _uuid_of(handle, about), index)
        except DRIVER_ERRORS as problem:
            return UnidentifiedGpu(index=index, failure=as_missing(problem))

    def _device(self, handle: Any, uuid: str, index: int) -> Device:
        return Device(handle=handle, uuid=uuid, index=index, known=self._known.setdefault(uuid, {}))

    def _found_by_index(self, uuid: str, problem: DriverCallFailed) -> Device:
        """By nvml.h the look-up by UUID fails when *any* GPU is lost, so each is asked for its own."""
        if isinstance(problem, GpuLost):
            found = next((gpu for gpu in self.devices() if isinstance(gpu, Device) and gpu.uuid == uuid), None)
            if found is not None:
                return found
        if isinstance(problem, GpuLost) or problem.code in _NO_SUCH_UUID:
            raise _gone(uuid, problem.code)
        raise problem


def _uuid_of(handle: Any, about: str) -> str:
    return invoke_for_text("nvmlDeviceGetUUID", handle, about=about)


def _cuda_version() -> str:
    number = invoke_for_number("nvmlSystemGetCudaDriverVersion")
    return f"{number // 1000}.{number % 1000 // 10}"


def _gone(uuid: str, code: int) -> GpuLost:
    return GpuLost(
        f"{uuid} is not on this machine, or the driver has lost it",
        call="nvmlDeviceGetHandleByUUID",
        code=code,
        next_step="See `nvidia-smi -L` for the GPUs that the driver knows; a lost one needs a reset or a reboot.",
    )
