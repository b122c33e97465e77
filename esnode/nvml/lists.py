"""NVML's lists, in one call each.

pynvml's functions ask for the length first and for the list then. A driver takes milliseconds for the processes of a
GPU and holds everybody up meanwhile, so here it is asked with room for more than there will be.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

from esnode.nvml.failures import Code, failure
from esnode.nvml.library import code_of

Listed = ctypes.c_uint | ctypes.Structure

_ROOM: Final = 512
_ATTEMPTS: Final = 2


class RunningProcess(ctypes.Structure):
    """nvmlProcessInfo_t of the second and third version: 24 bytes."""

    _fields_ = (
        ("pid", ctypes.c_uint),
        ("usedGpuMemory", ctypes.c_ulonglong),
        ("gpuInstanceId", ctypes.c_uint),
        ("computeInstanceId", ctypes.c_uint),
    )


def invoke_for_list(symbol: str, handle: Any, *arguments: object, of: type[Listed], about: str = "") -> list[Any]:
    """Everything that the C function of that name lists, as numbers or structures of the type `of`.

    Raises esnode's driver errors: one that needed more room than it said itself is INSUFFICIENT_SIZE.
    """
    count, code = ctypes.c_uint(_ROOM), int(Code.INSUFFICIENT_SIZE)
    for _ in range(_ATTEMPTS):
        entries = (of * count.value)()
        code = code_of(symbol, handle, *arguments, ctypes.byref(count), entries)
        if code != Code.INSUFFICIENT_SIZE:
            break
        count.value = 2 * count.value + 5  # as pynvml: more may have come meanwhile
    if code:
        raise failure(code, call=symbol, about=about)
    return list(entries[: count.value])
