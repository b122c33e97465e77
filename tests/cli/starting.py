"""Asks a starter (see `starter`) for commands. Each pytest process has one of its own, from its first command on."""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from tests.places import PROJECT

_FOR_PYTHON: Final = ("PYTHON", "LANG", "LC_", "LD_", "MALLOC_", "GLIBC_", "TZ")
"""How the names of variables begin that an interpreter reads at its start, and never again."""

Done = subprocess.CompletedProcess[str]


def run_forked(words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> Done | None:
    """As subprocess.run does it, with nothing on standard input.

    None where the environment says something to Python that the starter's did not: that takes a new interpreter.
    """
    starter = _starter()
    return starter.run(words, cwd, env, timeout) if _for_python(env) == starter.for_python else None


def _for_python(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_FOR_PYTHON)}


@cache
def _starter() -> _Starter:
    starter = _Starter()
    atexit.register(starter.close)
    return starter


class _Starter:
    """The asking end. `for_python` is what its environment said to it as an interpreter."""

    def __init__(self) -> None:
        self.for_python = _for_python(os.environ)
        self._turn = threading.Lock()
        self._ask, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.starter", str(theirs.fileno())],
                cwd=PROJECT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )

    def run(self, words: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float) -> Done:
        """One command at a time. Raises TimeoutExpired after it has killed a command that took too long."""
        deadline = time.monotonic() + timeout
        request = json.dumps({"words": list(words), "cwd": str(cwd.absolute()), "env": dict(env)}).encode()
        with self._turn:
            handle, out, err = self._start(request)
            try:
                texts = _read_all([out, err], deadline)
                code = self._code(deadline)
            except TimeoutError:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                self._code()
                raise subprocess.TimeoutExpired(["esnode", *words], timeout) from None
            finally:
                for file in (handle, out, err):
                    os.close(file)
        return Done(["esnode", *words], code, *texts)

    def close(self) -> None:
        self._ask.close()
        self._process.communicate()

    def _start(self, request: bytes) -> tuple[int, int, int]:
        """A handle to the command's process, and where its standard output and error are read."""
        out, to_out = os.pipe()
        err, to_err = os.pipe()
        given = [os.open(os.devnull, os.O_RDONLY), to_out, to_err]
        try:
            socket.send_fds(self._ask, [request], given)
        finally:
            for file in given:
                os.close(file)
        started, handles, _, _ = socket.recv_fds(self._ask, 100, 1)
        assert started == b"started", self._process.communicate()
        return handles[0], out, err

    def _code(self, deadline: float | None = None) -> int:
        self._ask.settimeout(deadline and max(0.001, deadline - time.monotonic()))
        try:
            return int(self._ask.recv(100))
        finally:
            self._ask.settimeout(None)


def _read_all(files: Sequence[int], deadline: float) -> list[str]:
    """Everything that is written to some pipes until nobody can write any more. Raises TimeoutError."""
    data = dict.fromkeys(files, b"")
    with selectors.DefaultSelector() as waiting:
        for file in files:
            waiting.register(file, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                part = os.read(key.fd, 65536)
                data[key.fd] += part
                if not part:
                    waiting.unregister(key.fd)
    return [text.decode().replace("\r\n", "\n").replace("\r", "\n") for text in data.values()]
