"""The process that answers: it knows what the loop told it last, and nothing else of the world."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable

from esnode.listen.http_server import HttpServer
from esnode.listen.pages import Known, page_of
from esnode.model.loop_status import LoopStatus
from esnode.workers.parcels import unpack

_FOREVER = 3600.0
"""Seconds. The server has no reason to look up from its socket but a client."""


class Newest:
    """The last status of the loop `pid`, and when it came; `clock` is real time in seconds.

    Most statuses are never asked for, so one that came packed stays so until somebody does.
    """

    def __init__(
        self, pid: int, status: LoopStatus | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pid = pid
        self._clock = clock
        self._last: tuple[LoopStatus | bytes | None, float] = (status, clock())

    def take(self, status: LoopStatus | bytes) -> None:
        self._last = (status, self._clock())

    def known(self) -> Known:
        last, since = self._last
        status: LoopStatus | None = unpack(last) if isinstance(last, bytes) else last
        return Known(status=status, age=self._clock() - since, pid=self._pid)


def serve(listening: socket.socket, told: socket.socket, newest: Newest) -> None:
    """Answer until the loop closes its end. Never returns."""
    threading.Thread(target=_hear, args=(told, newest), daemon=True).start()
    server = HttpServer(listening, lambda path, headers: page_of(path, newest.known(), headers))
    server.serve_forever(poll_interval=_FOREVER)


def _hear(told: socket.socket, newest: Newest) -> None:
    """Take each status, an open file in memory, that the loop hands over."""
    try:
        with contextlib.suppress(OSError):
            while True:
                message, handles, *_ = socket.recv_fds(told, 1, 1)
                if not message:
                    break
                with open(handles[0], "rb") as file:  # noqa: PTH123 - it has no path
                    newest.take(file.read())
    finally:
        os._exit(0)
