"""NVML's error codes as esnode's errors, and those as reasons why a reading is missing.

pynvml's own exceptions are not used for more than their code: instances cannot be hashed, `str()`
of one can raise, and one kind (NVMLLibraryMismatchError) is no NVMLError at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Final, TypeVar

from esnode.errors import (
    ArgumentRefused,
    DriverCallFailed,
    DriverTimeout,
    DriverUnavailable,
    EsnodeError,
    GpuLost,
    NotPermitted,
    NotSupported,
)
from esnode.model.readings import Missing, MissingReason, Reading
from esnode.records import dataclass

T = TypeVar("T")


class Code(IntEnum):
    """nvmlReturn_t, as far as esnode tells its members apart (nvml.h of CUDA 13)."""

    UNINITIALIZED = 1
    INVALID_ARGUMENT = 2
    NOT_SUPPORTED = 3
    NO_PERMISSION = 4
    NOT_FOUND = 6
    INSUFFICIENT_SIZE = 7
    INSUFFICIENT_POWER = 8
    DRIVER_NOT_LOADED = 9
    TIMEOUT = 10
    IRQ_ISSUE = 11
    LIBRARY_NOT_FOUND = 12
    FUNCTION_NOT_FOUND = 13
    CORRUPTED_INFOROM = 14
    GPU_IS_LOST = 15
    RESET_REQUIRED = 16
    OPERATING_SYSTEM = 17
    LIB_RM_VERSION_MISMATCH = 18
    IN_USE = 19
    MEMORY = 20
    NO_DATA = 21
    VGPU_ECC_NOT_SUPPORTED = 22
    INSUFFICIENT_RESOURCES = 23
    FREQ_NOT_SUPPORTED = 24
    ARGUMENT_VERSION_MISMATCH = 25
    DEPRECATED = 26
    NOT_READY = 27
    GPU_NOT_FOUND = 28
    INVALID_STATE = 29
    UNKNOWN = 999


@dataclass(frozen=True, slots=True)
class _Meaning:
    error: type[DriverCallFailed]
    words: str
    next_step: str = ""


_AS_ROOT = "Run it as root (sudo), or give the container CAP_SYS_ADMIN."
_RESET = "Reset the GPU or reboot the machine."

_MEANINGS: Final[Mapping[int, _Meaning]] = {
    Code.UNINITIALIZED: _Meaning(DriverCallFailed, "the driver library is not initialised"),
    Code.INVALID_ARGUMENT: _Meaning(ArgumentRefused, "the driver refused an argument"),
    Code.NOT_SUPPORTED: _Meaning(NotSupported, "not supported by this GPU"),
    Code.NO_PERMISSION: _Meaning(NotPermitted, "insufficient permissions", _AS_ROOT),
    Code.NOT_FOUND: _Meaning(DriverCallFailed, "not found"),
    Code.INSUFFICIENT_SIZE: _Meaning(DriverCallFailed, "the answer kept growing while it was read"),
    Code.INSUFFICIENT_POWER: _Meaning(DriverCallFailed, "the GPU's power cables are not attached properly"),
    Code.TIMEOUT: _Meaning(DriverTimeout, "no answer in time"),
    Code.IRQ_ISSUE: _Meaning(DriverCallFailed, "the kernel has a problem with the GPU's interrupt"),
    Code.FUNCTION_NOT_FOUND: _Meaning(NotSupported, "this driver does not have the function"),
    Code.CORRUPTED_INFOROM: _Meaning(DriverCallFailed, "the board's infoROM is corrupted"),
    Code.GPU_IS_LOST: _Meaning(GpuLost, "the GPU has fallen off the bus", _RESET),
    Code.RESET_REQUIRED: _Meaning(GpuLost, "the GPU needs a reset", _RESET),
    Code.OPERATING_SYSTEM: _Meaning(NotPermitted, "the operating system blocks the GPU's device", _AS_ROOT),
    Code.IN_USE: _Meaning(DriverCallFailed, "the GPU is in use", "End the programs that use the GPU and try again."),
    Code.MEMORY: _Meaning(DriverCallFailed, "the driver is out of memory"),
    Code.NO_DATA: _Meaning(DriverCallFailed, "the driver has no data"),
    Code.VGPU_ECC_NOT_SUPPORTED: _Meaning(NotSupported, "not supported with vGPU and ECC"),
    Code.INSUFFICIENT_RESOURCES: _Meaning(DriverCallFailed, "the driver is out of resources"),
    Code.FREQ_NOT_SUPPORTED: _Meaning(ArgumentRefused, "the frequency is not supported"),
    Code.ARGUMENT_VERSION_MISMATCH: _Meaning(NotSupported, "this driver is too old for it"),
    Code.DEPRECATED: _Meaning(NotSupported, "this driver no longer has it"),
    Code.NOT_READY: _Meaning(DriverCallFailed, "the driver is not ready", "Try again."),
    Code.GPU_NOT_FOUND: _Meaning(GpuLost, "no such GPU"),
    Code.INVALID_STATE: _Meaning(DriverCallFailed, "the GPU is in a state that does not allow it"),
    Code.UNKNOWN: _Meaning(DriverCallFailed, "unknown error"),
}

_ABSENCE: Final[Mapping[int, str]] = {
    Code.LIBRARY_NOT_FOUND: "There is no NVIDIA driver here: the library libnvidia-ml.so.1 was not found",
    Code.FUNCTION_NOT_FOUND: "There is no NVIDIA driver here: libnvidia-ml.so.1 is a stub without functions",
    Code.DRIVER_NOT_LOADED: "There is no NVIDIA driver here to talk to: its kernel module is not loaded",
    Code.LIB_RM_VERSION_MISMATCH: "The NVIDIA driver's library and its kernel module are of different versions",
}

_WAYS_ON = (
    "Install NVIDIA's driver, or read a file written by `nvidia-smi -q -x` with -capture FILE, "
    "or use a simulated machine with -simulate WORLD."
)
_RELOAD = "Reboot, or reload the driver's kernel module, so that both are of one version."

_REASONS: Final[tuple[tuple[type[EsnodeError], MissingReason], ...]] = (
    (NotSupported, MissingReason.UNSUPPORTED),
    (NotPermitted, MissingReason.NOT_PERMITTED),
    (GpuLost, MissingReason.GPU_LOST),
    (DriverTimeout, MissingReason.UNREACHABLE),
    (DriverUnavailable, MissingReason.UNREACHABLE),
)

DRIVER_ERRORS: Final = (DriverCallFailed, DriverUnavailable)
"""Everything that a call to the driver may raise."""


def in_words(code: int) -> str:
    """What an NVML code says, for people; an unknown one by its number."""
    meaning = _MEANINGS.get(code)
    return meaning.words if meaning else f"NVML error {code}"


def failure(code: int, *, call: str, about: str = "") -> DriverCallFailed | DriverUnavailable:
    """The error for a code that `call` gave. `about` names the object, such as `GPU-5d1f...`."""
    if code in (Code.LIBRARY_NOT_FOUND, Code.DRIVER_NOT_LOADED, Code.LIB_RM_VERSION_MISMATCH):
        return no_driver(code)
    meaning = _MEANINGS.get(code, _Meaning(DriverCallFailed, in_words(code)))
    place = f" failed for {about}" if about else " failed"
    return meaning.error(f"{call}{place}: {meaning.words}", call=call, code=code, next_step=meaning.next_step)


def no_driver(code: int) -> DriverUnavailable:
    """The error for a driver that is not there, with the ways to go on without one."""
    summary = _ABSENCE.get(code, f"There is no NVIDIA driver here to talk to: {in_words(code)}")
    mismatch = code == Code.LIB_RM_VERSION_MISMATCH
    return DriverUnavailable(summary, next_step=_RELOAD if mismatch else _WAYS_ON)


def as_missing(problem: EsnodeError) -> Missing:
    """Why a reading is not there. What has no reason of its own (a sensor's error) is "not read"."""
    reason = next((reason for kind, reason in _REASONS if isinstance(problem, kind)), MissingReason.NOT_READ)
    if isinstance(problem, DriverCallFailed):
        return Missing(missing=reason, detail=f"{problem.call}: {in_words(problem.code)}")
    return Missing(missing=reason, detail=problem.summary)


def read(getter: Callable[[], T]) -> Reading[T]:
    """What `getter` returns, or the reason why the driver does not say."""
    try:
        return getter()
    except DRIVER_ERRORS as problem:
        return as_missing(problem)
