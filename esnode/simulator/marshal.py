"""Reading C arguments and writing C out-parameters as ctypes hands them to a Python function.

pynvml declares no argument types, so what arrives is what it passed: handles as pointer instances,
out-parameters as `byref()` objects, arrays and text buffers as themselves, numbers as c_uint or int.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import Any

from esnode.simulator.codes import Code, Refusal


def number(argument: Any) -> int:
    """A number passed by value."""
    value = getattr(argument, "value", argument)
    if not isinstance(value, int):
        raise Refusal(Code.INVALID_ARGUMENT)
    return value


def text(argument: Any) -> str:
    """A C string passed in."""
    value = getattr(argument, "value", argument)
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        raise Refusal(Code.INVALID_ARGUMENT)
    return value.decode(errors="replace")


def target(argument: Any) -> Any:
    """The object that a pointer points to. A NULL pointer is INVALID_ARGUMENT, as in the C library."""
    if argument is None:
        raise Refusal(Code.INVALID_ARGUMENT)
    found = getattr(argument, "_obj", None)
    if found is not None:
        return found
    if isinstance(argument, ctypes.Array | ctypes.Structure):
        return argument
    if isinstance(argument, ctypes._Pointer) and argument:
        return argument.contents
    raise Refusal(Code.INVALID_ARGUMENT)


def require(supported: bool) -> None:
    """NOT_SUPPORTED unless the GPU has what the call is about."""
    if not supported:
        raise Refusal(Code.NOT_SUPPORTED)


def put(argument: Any, value: float) -> None:
    """Write a number through a pointer."""
    target(argument).value = value


def put_text(buffer: Any, size: Any, value: str) -> None:
    """Write a C string into a buffer; one that is too small is INSUFFICIENT_SIZE."""
    data, room = value.encode(), number(size)
    found = target(buffer)
    if len(data) + 1 > room:
        raise Refusal(Code.INSUFFICIENT_SIZE)
    found.value = data


def put_handle(argument: Any, value: int) -> None:
    """Write an opaque handle through a pointer to it."""
    if argument is None:
        raise Refusal(Code.INVALID_ARGUMENT)
    ctypes.cast(argument, ctypes.POINTER(ctypes.c_void_p))[0] = value


def handle(argument: Any) -> int:
    """The value of an opaque handle."""
    if isinstance(argument, int):
        return argument
    if argument is None:
        raise Refusal(Code.INVALID_ARGUMENT)
    try:
        return ctypes.cast(argument, ctypes.c_void_p).value or 0
    except (ctypes.ArgumentError, TypeError):
        raise Refusal(Code.INVALID_ARGUMENT) from None


def fill(argument: Any, **values: Any) -> None:
    """Write members of a structure through a pointer."""
    found = target(argument)
    for name, value in values.items():
        setattr(found, name, value)


def check_version(argument: Any, *known: int) -> Any:
    """The structure, its version word checked: size and version, as nvml.h builds it."""
    found = target(argument)
    if found.version not in known:
        raise Refusal(Code.ARGUMENT_VERSION_MISMATCH)
    return found


def put_list(count: Any, items: Any, values: Sequence[int]) -> None:
    """NVML's protocol for lists of numbers: too small a buffer is INSUFFICIENT_SIZE, with the exact count."""
    found = room_for(count, items, len(values))
    for index, value in enumerate(values):
        found[index] = value


def put_structures(count: Any, items: Any, rows: Iterable[dict[str, Any]]) -> None:
    """The same for lists of structures, each row by member names."""
    values = list(rows)
    found = room_for(count, items, len(values))
    for index, row in enumerate(values):
        for name, value in row.items():
            setattr(found[index], name, value)


def room_for(count: Any, items: Any, needed: int) -> Any:
    """Write the count and return the caller's buffer if it has room for so many."""
    counter = target(count)
    room = counter.value
    counter.value = needed
    if needed == 0:
        return []
    if items is None or room < needed:
        raise Refusal(Code.INSUFFICIENT_SIZE)
    return getattr(items, "_obj", items)
