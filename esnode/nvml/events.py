"""NVML's event sets: what happens to GPUs, as soon as the driver says so."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from esnode.errors import DriverCallFailed
from esnode.model.events import EventKind, GpuEvent
from esnode.nvml.device import Device
from esnode.nvml.failures import DRIVER_ERRORS, Code
from esnode.nvml.library import invoke
from esnode.nvml.session import DriverSession

_KINDS: Final[Mapping[int, EventKind]] = {
    0x4: EventKind.POWER_STATE,
    0x8: EventKind.XID,
    0x10: EventKind.CLOCK,
    0x100: EventKind.MIG,
    0x4000: EventKind.UNAVAILABLE,
    0x8000: EventKind.RECOVERY,
}
"""nvmlEventType bits (nvml.h of CUDA 13)."""


class EventSet:
    """`with EventSet(session) as events:`. Listens to every GPU that has events, for as many kinds as it has.

    `listens` is false where no GPU has any. Raises the driver's errors where it has no event sets at all.
    """

    def __init__(self, session: DriverSession) -> None:
        self._session = session
        self._set: Any = None
        self._uuids: dict[int, str] = {}

    def __enter__(self) -> Self:
        self._set = invoke("nvmlEventSetCreate")
        for device in self._session.devices():
            if isinstance(device, Device):
                with suppress(*DRIVER_ERRORS):
                    self._register(device)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(*DRIVER_ERRORS):
            invoke("nvmlEventSetFree", self._set)

    @property
    def listens(self) -> bool:
        return bool(self._uuids)

    def next(self, seconds: float) -> GpuEvent | None:
        """The next event; None when there is none for so long. Raises the driver's errors."""
        try:
            data = invoke("nvmlEventSetWait", self._set, int(seconds * 1000))
        except DriverCallFailed as problem:
            if problem.code == Code.TIMEOUT:
                return None
            raise
        kind = _KINDS.get(int(data.eventType))
        uuid = self._uuids.get(_address(data.device))
        if kind is None or uuid is None:
            return None
        return GpuEvent(uuid=uuid, kind=kind, code=int(data.eventData) if kind is EventKind.XID else 0)

    def _register(self, device: Device) -> None:
        supported = int(invoke("nvmlDeviceGetSupportedEventTypes", device.handle, about=device.uuid))
        wanted = sum(bit for bit in _KINDS if supported & bit)
        if wanted:
            invoke("nvmlDeviceRegisterEvents", device.handle, wanted, self._set, about=device.uuid)
            self._uuids[_address(device.handle)] = device.uuid


def _address(handle: Any) -> int:
    import ctypes

    return ctypes.cast(handle, ctypes.c_void_p).value or 0
