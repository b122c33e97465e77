"""Talks to systemd: sd_notify(3), as far as a service needs it."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class ServiceManager:
    """Tells the service manager how we are, where there is one (NOTIFY_SOCKET); elsewhere it does nothing."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        usec = os.environ.get("WATCHDOG_USEC", "")
        is_for_us = os.environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        self.watchdog_seconds = int(usec) / 1e6 if usec.isdigit() and is_for_us else 0.0
        """Within how many seconds it wants to hear of us; 0 when it does not ask."""

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def status(self, status: str) -> None:
        """Also that we live."""
        self._send(f"STATUS={_line(status)}\nWATCHDOG=1")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    @contextmanager
    def breathing(self, limit: float) -> Iterator[None]:
        """While this lasts, at most `limit` seconds, a watchdog hears of us although we are busy. Main thread only."""
        if not self.watchdog_seconds:
            yield
            return
        until, every = time.monotonic() + limit, self.watchdog_seconds / 3

        def breathe(number: int, frame: FrameType | None) -> None:
            if time.monotonic() < until:
                self.alive()

        before = signal.signal(signal.SIGALRM, breathe)
        signal.setitimer(signal.ITIMER_REAL, every, every)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> None:
        self._send(f"STOPPING=1\nSTATUS={_line(status)}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.setblocking(False)
                line.sendto(message.encode(), address)
        except OSError:
            # A manager that does not listen is no reason to stop working.
            return


def _line(text: str) -> str:
    return text.replace("\n", " ")
