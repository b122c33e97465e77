"""The loop's end of its listener: it hands over what it says of itself, and never waits for who asks.

The loop stays single-threaded and answers nobody. A child process does, on a socket that the loop opened; one that died
or hangs is replaced on the same socket, and whoever connects in between waits in the kernel's queue.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import termios
import time
from types import TracebackType
from typing import Final, Self

from esnode.listen.address import address_of, listen_at, parse_address
from esnode.model.loop_status import LoopStatus
from esnode.workers.forking import become_child, ends_within
from esnode.workers.parcels import pack

_DEAF_SECONDS: Final = 10.0
"""A child that has not read what it was told so long ago is replaced."""
_FULL_SECONDS: Final = 0.3
"""How long is waited for room for one more status."""
_KILL_SECONDS: Final = 0.2
_GOODBYE_SECONDS: Final = 1.0
_UNREAD_BYTES: Final = 16384
"""Room for messages that were not read yet, each one byte to us and some hundred to the kernel: some ten statuses."""


class Listener:
    """Serves what it was last told at `address`, the real HOST:PORT, until it is closed. `restarts` counts children.

    Raises BadValue for what is no address and ListenFailed where nobody can listen. To be used from one thread
    only, the main one.
    """

    def __init__(self, address: str) -> None:
        self._socket = listen_at(*parse_address(address))
        self.address = address_of(self._socket)
        self.restarts = 0
        self._child = _Child(self._socket)
        self._killed: list[_Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process that answers."""
        return self._child.pid

    def publish(self, status: LoopStatus) -> None:
        """Answer with this status from now on. Takes less than a second, whatever the child does.

        What cannot be handed over for want of memory or processes goes with the next status. Not after `close`.
        """
        data = pack(status)
        self._killed = [child for child in self._killed if not child.has_ended()]
        if not self._child.tell(data):
            self._replace(status)

    def close(self) -> None:
        """Stop answering."""
        self._child.dismiss()
        self._socket.close()

    def _replace(self, status: LoopStatus) -> None:
        if not self._child.kill():
            self._killed.append(self._child)
        with contextlib.suppress(OSError):
            self._child = _Child(self._socket, status)
            self.restarts += 1


class _Child:
    """The loop's end of one child, which is born with the knowledge of a status where there is one."""

    def __init__(self, listening: socket.socket, status: LoopStatus | None = None) -> None:
        self._to, told = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._to.setblocking(False)
        self._to.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD_BYTES)
        self._unread_since = time.monotonic()
        self._ended = False
        loop = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _live(listening, told, loop, status)
        told.close()

    def tell(self, data: bytes) -> bool:
        """Hand over a status; False when the child is dead or deaf."""
        if self.has_ended() or self._is_deaf():
            return False
        try:
            handle = os.memfd_create("esnode-status")
            with open(handle, "w+b") as file:  # noqa: PTH123 - it has no path
                file.write(data)
                file.seek(0)
                return self._hand_over(handle)
        except OSError:
            return False

    def _hand_over(self, handle: int) -> bool:
        poll = select.poll()
        poll.register(self._to, select.POLLOUT)
        if not poll.poll(_FULL_SECONDS * 1000):
            return False
        socket.send_fds(self._to, [b"!"], [handle])
        return True

    def _is_deaf(self) -> bool:
        now = time.monotonic()
        if not _unread(self._to):
            self._unread_since = now
        return now - self._unread_since > _DEAF_SECONDS

    def has_ended(self, seconds: float = 0) -> bool:
        """Now, or in so many seconds. From then on its number may be a stranger's."""
        self._ended = self._ended or ends_within(self.pid, seconds)
        return self._ended

    def dismiss(self) -> None:
        self._to.close()
        if not self.has_ended(_GOODBYE_SECONDS):
            self.kill()

    def kill(self) -> bool:
        """Whether it is gone for good already."""
        self._to.close()
        if not self.has_ended():
            os.kill(self.pid, signal.SIGKILL)
        return self.has_ended(_KILL_SECONDS)


def _unread(to: socket.socket) -> int:
    """What of our messages the other side has not read yet, in the kernel's bytes."""
    count: int = struct.unpack("i", fcntl.ioctl(to, termios.TIOCOUTQ, b"\0" * 4))[0]
    return count


def _live(listening: socket.socket, told: socket.socket, loop: int, status: LoopStatus | None) -> None:
    """The child's whole life. Never returns."""
    try:
        become_child(loop, listening.fileno(), told.fileno())
        from esnode.listen.child import Newest, serve

        serve(listening, told, Newest(loop, status))
    finally:
        os._exit(0)
