"""Values between processes of ours, which run one and the same program: as bytes, and through a pipe."""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any, Final

LENGTH: Final = struct.Struct("!Q")
"""What stands before each parcel in a pipe: how many bytes it has."""


def pack(value: object) -> bytes:
    """The value as bytes for `unpack`. Raises what pickle raises for one that cannot be sent."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def unpack(data: bytes) -> Any:
    """What another process of this very program has packed; never what came from elsewhere."""
    return pickle.loads(data)  # noqa: S301 - our own process's


def send(handle: int, data: bytes) -> None:
    """Write a parcel into a pipe, waiting for whoever reads it. Raises BrokenPipeError."""
    message = memoryview(LENGTH.pack(len(data)) + data)
    while message:
        message = message[os.write(handle, message) :]


def receive(handle: int) -> bytes | None:
    """The next parcel from a pipe, waiting for it; None when the other side is gone before the whole of it is there."""
    size = _read(handle, LENGTH.size)
    return None if size is None else _read(handle, LENGTH.unpack(size)[0])


def _read(handle: int, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        part = os.read(handle, size - len(data))
        if not part:
            return None
        data += part
    return data
