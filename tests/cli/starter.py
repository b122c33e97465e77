"""Starts commands without loading esnode anew for each of them.

Run as a process of its own (`python -m tests.cli.starter HANDLE`), it loads every module of esnode once and then forks
a child for each command that it is asked for over a socket. The child is what a new interpreter would be: arguments,
folder, environment, standard files and signals are the command's own, no module of esnode was ever used in it, and the
console script's entry point is called, which ends it. It has one thread, so what dies with the thread that forked it
dies with the command.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import threading
from typing import Any, Final

from esnode.cli.start import run

REQUEST_BYTES: Final = 200_000
"""More than arguments and environment of any test."""


_IMPORTED_LATE: Final = ("jsonschema", "ruamel.yaml")
"""What commands that read documents import when they come to it."""


def import_everything() -> None:
    """Every module of esnode, and what most commands need besides."""
    import esnode

    for module in pkgutil.walk_packages(esnode.__path__, "esnode."):
        if module.name != "esnode.__main__" and ".hook" not in module.name:
            importlib.import_module(module.name)
    for name in _IMPORTED_LATE:
        importlib.import_module(name)


def serve(asks: socket.socket) -> dict[str, Any]:
    """Fork a child for each request until nobody can ask any more. Returns its request, in each child."""
    while True:
        message, files, _, _ = socket.recv_fds(asks, REQUEST_BYTES, 3)
        if not message:
            os._exit(0)
        child = os.fork()
        if child == 0:
            _take(files)
            asks.close()
            request: dict[str, Any] = json.loads(message)
            return request
        for file in files:
            os.close(file)
        _tell_about(child, asks)


def _take(files: list[int]) -> None:
    """Standard input, output and error."""
    for standard, file in enumerate(files):
        os.dup2(file, standard)
        os.close(file)


def _tell_about(child: int, asks: socket.socket) -> None:
    """A handle to end it by, and how it ended."""
    handle = os.pidfd_open(child)
    socket.send_fds(asks, [b"started"], [handle])
    os.close(handle)
    asks.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def become(request: dict[str, Any]) -> None:
    """What a process is given at its start."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv[1:] = request["words"]
    sys.path[0] = request["cwd"]
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    # Ctrl-C in the terminal is for the tests, which then close their end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as asked_over:
        asked_over.set_inheritable(False)
        import_everything()
        assert threading.active_count() == 1, threading.enumerate()
        gc.freeze()  # a fork copies no page only because garbage is looked for
        become(serve(asked_over))
    run()
