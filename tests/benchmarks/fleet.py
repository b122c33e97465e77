"""Captures of many nodes of eight GPUs, planned by one command: captures a second, and the memory of its processes.

`python -m tests.benchmarks.fleet 12500` does it for so many nodes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from tests.benchmarks.captures import write_capture
from tests.benchmarks.family import children_of
from tests.benchmarks.installed import POWER_CAP, Installed, run_alone
from tests.benchmarks.paper import write_table
from tests.benchmarks.promises import Promises
from tests.benchmarks.timing import Cost, Run

NODES: Final = 300
GPUS: Final = 8
RUNS: Final = 5
_MANY: Final = 2_000
"""From so many nodes on, once is enough."""
_HEADER: Final = (
    "captures",
    "wall, s",
    "CPU, s",
    "captures per second",
    "captures per second of one core",
    "peak memory of the parent, MB",
    "of its workers, MB",
)
_LOOK_EVERY: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Megabytes at the peak: the parent's, and those of the largest of `count` workers. CPU time is of all of them."""

    run: Run
    parent: float
    worker: float
    count: int


def measure(esnode: Installed, promises: Promises, nodes: int = NODES) -> None:
    place = esnode.place(f"fleet-{nodes}")
    captures = place / "captures"
    captures.mkdir()
    for node in range(nodes):
        write_capture(captures / f"node{node:05}.xml", GPUS, node=node)
    runs = [_plan(esnode, place, nodes) for _ in range(1 if nodes >= _MANY else RUNS)]
    cost = Cost([planned.run for planned in runs])
    row = (
        f"{nodes:,}",
        f"{cost.wall:.1f}",
        f"{cost.cpu:.1f}",
        f"{nodes / cost.wall:.0f}",
        f"{nodes / cost.cpu:.0f}",
        f"{median(planned.parent for planned in runs):.0f}",
        _workers(runs),
    )
    times = "Once" if len(runs) == 1 else f"Medians of {len(runs)} runs"
    write_table(
        "fleet" if nodes == NODES else "fleet_many", _HEADER, [row], remark=f"{times}. The plans are written, too."
    )


def _workers(runs: list[Planned]) -> str:
    count = max(planned.count for planned in runs)
    if not count:
        return "it has none"
    return f"{count} with {median(planned.worker for planned in runs):.0f} at most"


def _plan(esnode: Installed, place: Path, nodes: int) -> Planned:
    """AssertionError where not every node has a plan that caps all of its GPUs."""
    for old in (place / "plans").glob("*"):
        old.unlink()
    words = [str(esnode.esnode), "plan", "-f", str(POWER_CAP), "-capture", "captures", "-out", "plans/"]
    with (place / "output").open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(words, cwd=place, env=esnode.env(place), stdout=output, stderr=output)
        peaks: dict[int, float] = {}
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            with contextlib.suppress(OSError):  # one that ends meanwhile
                for pid in (process.pid, *children_of(process.pid)):
                    peaks[pid] = max(peaks.get(pid, 0.0), _peak(pid))
            time.sleep(_LOOK_EVERY)
        wall = time.perf_counter() - began
    _, status, used = ended
    process.returncode = code = os.waitstatus_to_exitcode(status)
    assert code == 0, (place / "output").read_text()
    _check(place / "plans", nodes)
    parent = peaks.pop(process.pid)
    return Planned(
        run=Run(wall=wall, cpu=used.ru_utime + used.ru_stime, peak=parent),
        parent=parent,
        worker=max(peaks.values(), default=0.0),
        count=len(peaks),
    )


def _check(plans: Path, nodes: int) -> None:
    found = sorted(plans.glob("*.json"))
    assert len(found) == nodes, f"{len(found)} plans of {nodes} captures"
    for path in found[:: max(1, nodes // 100)]:
        changes = json.loads(path.read_bytes())["resource_changes"]
        assert len(changes) == GPUS, f"{path.name} changes {len(changes)} of {GPUS} GPUs"


def _peak(pid: int) -> float:
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found.group(1)) / 1024 if found else 0.0


if __name__ == "__main__":
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else NODES
    run_alone(partial(measure, nodes=nodes))
