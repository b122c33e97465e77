"""N GPUs held to a profile, in a process of its own: how long judging takes, how long planning, how much memory.

    python evaluation.py measure PROFILE N        prints seconds and megabytes as JSON
    python evaluation.py state PROFILE N STATE    writes a state that holds the readings of so many GPUs

Run by itself, with the esnode that is installed. The GPUs are one simulated H100 so many times, each with an identity
and readings of its own, decoded one by one as those of a state file are. Every tenth is too hot.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from esnode import wire
from esnode.engine import resolve
from esnode.engine.planner import PlanOptions, make_plan
from esnode.model.hardware import Observation, ObservedGpu
from esnode.model.needs import NOTHING_MORE
from esnode.model.state import Observed, State
from esnode.records import replace
from esnode.simulator.private import private_world
from esnode.storage.states import StateFile
from esnode.wiring.machine import Facts, open_in_memory
from esnode.wiring.profiles import read_given

_WORLD = b"""\
apiVersion: v1
kind: SimulatedMachine
name: fleet
machine_id: "00000000000000000000000000000000"
speed: 0
gpus:
  - {board: H100-SXM, count: 1, workload: {utilization: 99, memory: 80}}
"""
_LINEAGE = "00000000-0000-4000-8000-000000000000"


def observe(count: int) -> Observation:
    with open_in_memory(private_world(_WORLD, Path("fleet.yaml")), Facts()) as machine:
        seen = machine.observe(NOTHING_MORE)
    template: Any = wire.plain(seen.gpus[0])
    return replace(seen, gpus=tuple(_numbered(template, number) for number in range(count)))


def _numbered(template: Any, number: int) -> ObservedGpu:
    uuid = f"GPU-{number:08x}-0000-4000-8000-000000000000"
    index, bus = number, f"{number >> 5:08X}:{number & 31:02X}:00.0"
    document = {
        **template,
        "identity": {**template["identity"], "uuid": uuid, "index": index, "pci_bus_id": bus},
        "tags": {**template["tags"], "gpu_uuid": uuid, "gpu_index": str(index), "pci_bus_id": bus},
        "metrics": {**template["metrics"], **_readings(number)},
    }
    return wire.typed(ObservedGpu, document)


def _readings(number: int) -> dict[str, float]:
    """Whole degrees, percent and clock steps, as sensors show them; watts and memory that hardly two GPUs share."""
    return {
        "gpu_temp_celsius": 60.0 + number % 15 if number % 10 else 84.0,
        "gpu_memory_temp_celsius": 66.0 + number % 17,
        "gpu_utilization": 80.0 + number % 20,
        "gpu_sm_clock_mhz": 1755.0 + 15 * (number % 16),
        "gpu_power_watts": 500.0 + number * 7919 % 200_003 / 1000,
        "memory_allocated_percent": 60.0 + number * 104_729 % 300_007 / 10_000,
    }


def measure(profile: Path, count: int) -> dict[str, float]:
    """CPU seconds of judging and of planning, the latter's seconds by the clock, megabytes, and what came of it.

    AssertionError where not every policy was judged on every GPU.
    """
    profiles, observation, state = read_given((profile,)), observe(count), State(lineage=_LINEAGE)
    take_stands: Any = resolve.take_stands  # type: ignore[attr-defined]
    judging, judged = 0.0, 0

    def metered(scope: Any) -> Any:
        """The one place where policies are judged; looking at the clock twice for each GPU costs next to nothing."""
        nonlocal judging, judged
        began = time.process_time()
        stands = take_stands(scope)
        judging += time.process_time() - began
        judged += len(stands)
        return stands

    resolve.take_stands = metered  # type: ignore[attr-defined]
    began, began_cpu = time.perf_counter(), time.process_time()
    plan = make_plan(profiles, observation, state, PlanOptions()).plan
    wall, planning = time.perf_counter() - began, time.process_time() - began_cpu
    policies = sum(len(one.policies) for one in profiles)
    assert judged == len(plan.verdicts) == count * policies, (judged, len(plan.verdicts), count, policies)
    return {
        "judging": judging,
        "planning": planning,
        "wall": wall,
        "peak": peak_megabytes(),
        "verdicts": judged,
        "changes": len(plan.changes),
    }


def peak_megabytes() -> float:
    """The most that this process ever had in memory."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found.group(1)) / 1024


def write_state(count: int, path: Path) -> None:
    StateFile(path).save(State(lineage=_LINEAGE, observed=Observed(observation=observe(count), clocks={})))


def main() -> None:
    what, profile, count, *path = sys.argv[1:]
    if what == "state":
        write_state(int(count), Path(path[0]))
    else:
        print(json.dumps(measure(Path(profile), int(count))))


if __name__ == "__main__":
    main()
