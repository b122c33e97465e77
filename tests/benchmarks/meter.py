"""CPU time spent inside NVML and the simulated clock, added up in a file that other processes can read.

`python -m tests.benchmarks.meter FILE enforce ...` is the command `esnode enforce ...` with two things metered: calls
of NVML, which are those of the simulated library and of NVIDIA's binding above it, in the driver's child; and the
simulated clock, which the loop asks. The file is mapped before the command forks, and each of the two is one process's.
"""

from __future__ import annotations

import math
import mmap
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

_LAYOUT: Final = struct.Struct("=dQ")
_NVML, _CLOCK = 0, 1
_TRIALS: Final = 20_000


class Reading(NamedTuple):
    """CPU seconds inside of something, and how often it was called."""

    seconds: float
    calls: int


class Meter(NamedTuple):
    nvml: Reading
    clock: Reading


def read_meter(path: Path) -> Meter:
    return Meter(*(Reading(*row) for row in _LAYOUT.iter_unpack(path.read_bytes())))


def meter_all(path: Path) -> None:
    """From now on, here and in every child, each call of the two is metered, an event's wait like any other.

    The clock does not wake its sleepers ten times a second to see whether somebody has moved it: a host's does not.
    """
    import esnode.nvml.library as nvml
    from esnode.simulator import clock
    from esnode.simulator.clock import WorldClock

    clock._LONGEST_NAP = math.inf  # type: ignore[misc]
    path.write_bytes(bytes(len(Meter._fields) * _LAYOUT.size))
    with path.open("r+b") as file:
        page = mmap.mmap(file.fileno(), 0)
    nvml.invoke = metered(nvml.invoke, page, _NVML)
    for name in ("now", "monotonic", "nap"):
        setattr(WorldClock, name, metered(getattr(WorldClock, name), page, _CLOCK))


def metered(function: Callable[..., Any], page: mmap.mmap, row: int) -> Callable[..., Any]:
    """The function, its CPU time added up in a row. One process alone may call it, from any of its threads."""
    adding = threading.Lock()
    at = row * _LAYOUT.size

    def answer(*arguments: Any, **named: Any) -> Any:
        began = time.thread_time()
        try:
            return function(*arguments, **named)
        finally:
            spent = time.thread_time() - began
            with adding:
                seconds, calls = _LAYOUT.unpack_from(page, at)
                _LAYOUT.pack_into(page, at, seconds + spent, calls + 1)

    return answer


def price_of_a_call() -> float:
    """CPU seconds that metering itself takes of one call, beyond what it counts."""
    page = mmap.mmap(-1, _LAYOUT.size)
    call = metered(lambda: None, page, 0)
    began = time.thread_time()
    for _ in range(_TRIALS):
        call()
    spent = time.thread_time() - began
    counted: float = _LAYOUT.unpack_from(page)[0]
    return max(0.0, spent - counted) / _TRIALS


def main() -> None:
    from esnode.cli.start import run

    meter_all(Path(sys.argv[1]))
    sys.argv = ["esnode", *sys.argv[2:]]
    run()


if __name__ == "__main__":
    main()
