"""A loop that does nothing but to tell its listener of itself, as it is told on its standard input."""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import sys
import time
from typing import Any

from esnode.errors import EsnodeError
from esnode.listen import server
from esnode.listen.server import Listener
from esnode.model.loop_status import LoopStatus
from esnode.records import replace


def main() -> None:
    status: LoopStatus = pickle.load(sys.stdin.buffer)
    try:
        listener = Listener(sys.argv[1])
    except EsnodeError as refused:
        answer(repr(refused))
        return
    answer(f"{listener.address} {listener.pid}")
    for line in sys.stdin:
        name, *words = line.split()
        COMMANDS[name](listener, replace(status, pid=os.getpid()), *words)
        if name == "close":
            return


def publish(listener: Listener, status: LoopStatus, times: str, size: str = "0") -> None:
    """Says how long the slowest took, how many children were replaced, and which one answers now."""
    slowest = 0.0
    status = replace(status, failure="x" * int(size))
    for _ in range(int(times)):
        began = time.monotonic()
        listener.publish(replace(status, interval=float(next(NUMBERS))))
        slowest = max(slowest, time.monotonic() - began)
    answer(f"{slowest} {listener.restarts} {listener.pid}")


def stop(listener: Listener, status: LoopStatus, patience: str = "10") -> None:
    """The child hangs, which is not suffered for longer than `patience` seconds."""
    server._DEAF_SECONDS = float(patience)  # type: ignore[misc]
    os.kill(listener.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, listener.pid, os.WSTOPPED | os.WNOWAIT)
    answer("")


def kill(listener: Listener, status: LoopStatus) -> None:
    """The child dies. Its number may then be a stranger's: this loop can send no signal any more."""
    os.kill(listener.pid, signal.SIGKILL)
    os.waitid(os.P_PID, listener.pid, os.WEXITED | os.WNOWAIT)
    os.kill = None  # type: ignore[assignment]
    answer("")


def starve(listener: Listener, status: LoopStatus) -> None:
    """The next process cannot be had, the one after that can."""
    fork = os.fork

    def refuse() -> int:
        os.fork = fork
        raise BlockingIOError("no more processes")

    os.fork = refuse
    answer("")


def close(listener: Listener, status: LoopStatus) -> None:
    listener.close()
    answer("")


def answer(text: str) -> None:
    print(text, flush=True)


NUMBERS = itertools.count()
COMMANDS: dict[str, Any] = {"publish": publish, "stop": stop, "kill": kill, "starve": starve, "close": close}

if __name__ == "__main__":
    main()
