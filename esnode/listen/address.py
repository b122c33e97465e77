"""Where to listen: an address as a person writes it, and a socket on it."""

from __future__ import annotations

import errno
import re
import socket
from typing import Final

from esnode.errors import BadValue, ListenFailed

_LOOPBACK: Final = "127.0.0.1"
_SHAPE: Final = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<host>[^\s:\[\]]*)):(?P<port>[0-9]{1,5})", re.ASCII
)
_HIGHEST_PORT: Final = 65535
_WAITING: Final = 64
"""Connections that the kernel keeps until somebody takes them."""


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `[IPv6]:PORT` or `:PORT`, which is loopback. Raises BadValue."""
    found = _SHAPE.fullmatch(text)
    if not found or int(found["port"]) > _HIGHEST_PORT:
        raise BadValue(
            f'"{text}" is not an address to listen at',
            next_step="Write HOST:PORT, such as 127.0.0.1:9477 or [::1]:9477; :9477 is loopback only.",
        )
    return found["six"] or found["host"] or _LOOPBACK, int(found["port"])


def listen_at(host: str, port: int) -> socket.socket:
    """A socket that listens; with port 0 at a free one. Raises ListenFailed."""
    shown = show_address(host, port)
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )[0]
    except (OSError, UnicodeError) as unknown:
        raise ListenFailed(
            f"Nothing can listen at {shown}: the host has no address",
            detail=f"{unknown}.",
            next_step="Give an address of this machine, such as 127.0.0.1 or 0.0.0.0.",
        ) from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(_WAITING)
    except OSError as refused:
        listening.close()
        raise _failure(shown, port, refused) from None
    return listening


def address_of(listening: socket.socket) -> str:
    """The real `HOST:PORT`."""
    host, port = listening.getsockname()[:2]
    return show_address(host, port)


def show_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _failure(shown: str, port: int, refused: OSError) -> ListenFailed:
    match refused.errno:
        case errno.EADDRINUSE:
            why, way_on = "another program does", f"See which with ss -ltnp 'sport = :{port}', or give another port."
        case errno.EACCES | errno.EPERM:
            why, way_on = "not permitted", "Ports below 1024 are for root: give one from 1024 to 65535."
        case errno.EADDRNOTAVAIL:
            why, way_on = "this machine has no such address", "See which it has with ip addr."
        case _:
            why, way_on = refused.strerror or str(refused), "Give another address."
    return ListenFailed(f"esnode cannot listen at {shown}: {why}", next_step=way_on)
