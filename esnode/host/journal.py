"""systemd's journal, by its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): lines with fields."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from typing import Final

_SOCKET: Final = "/run/systemd/journal/socket"


def is_ours(handle: int) -> bool:
    """Whether an open file leads into the journal: JOURNAL_STREAM names it (systemd.exec(5))."""
    try:
        stat = os.fstat(handle)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM", "") == f"{stat.st_dev}:{stat.st_ino}"


def send(fields: Mapping[str, str], path: str = _SOCKET) -> bool:
    """Write one entry. Names are upper case. False when the journal does not take it."""
    data = b"".join(_field(name, value) for name, value in fields.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.settimeout(1.0)
            line.sendto(data, path)
    except OSError:
        return False
    return True


def _field(name: str, value: str) -> bytes:
    data = value.encode()
    if b"\n" in data:
        return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
    return name.encode() + b"=" + data + b"\n"
