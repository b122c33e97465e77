"""Real processes on a simulated GPU: their work and their memory end with them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pynvml
import pytest

from esnode.errors import BadValue
from esnode.simulator import World, command_environment, open_world
from tests.orphans import NEVER_COLLECTS, is_running, orphan, until
from tests.unit.simulator.worlds import a_world

Boot = Callable[..., World]
MIB = 2**20


def gpu() -> Any:
    return pynvml.nvmlDeviceGetHandleByIndex(0)


def h100(processes: str, workload: str = "{}") -> str:
    return f"[{{board: H100-SXM, workload: {workload}, processes: {processes}}}]"


def used_mib() -> int:
    return int(pynvml.nvmlDeviceGetMemoryInfo(gpu(), pynvml.nvmlMemory_v2).used / MIB)


def utilization() -> int:
    return int(pynvml.nvmlDeviceGetUtilizationRates(gpu()).gpu)


def pids(kind: str = "Compute") -> list[int]:
    return sorted(process.pid for process in getattr(pynvml, f"nvmlDeviceGet{kind}RunningProcesses")(gpu()))


def work() -> dict[int, int]:
    return {sample.pid: sample.smUtil for sample in pynvml.nvmlDeviceGetProcessUtilization(gpu(), 0)}


def end(pid: int) -> None:
    os.kill(pid, 9)
    until(lambda: not is_running(pid))


def test_processes_say_what_they_use_and_share_the_rest(boot: Boot) -> None:
    processes = "[{sm_utilization: 60, memory_mib: 40000}, {sm_utilization: 20, memory_mib: 1000}, {name: rest}]"
    boot(gpus=h100(processes, "{utilization: 90, memory: 80}"))
    assert sorted(work().values()) == [10, 20, 60]
    assert (utilization(), used_mib()) == (90, round(81559 * 0.8))


def test_what_processes_say_is_work_without_a_workload(boot: Boot) -> None:
    world = boot(gpus=h100("[{sm_utilization: 70, memory_mib: 40000}]"))
    assert (utilization(), used_mib()) == (70, 40000)
    assert world.front_panel()[0].power_watts > 300


def test_the_end_of_a_process_frees_its_memory_and_its_work_and_the_gpu_cools(boot: Boot) -> None:
    with orphan() as (pid, _):
        world = boot(gpus=h100(f"[{{pid: {pid}, sm_utilization: 80, memory_mib: 60000}}, {{sm_utilization: 10}}]"))
        hot = world.front_panel()[0].temperature_celsius
        assert (utilization(), used_mib(), pid in pids()) == (90, 60000, True)
        end(pid)
        assert (utilization(), used_mib(), pid in pids()) == (10, 0, False)
        assert list(work().values()) == [10]
        world.set("world", {"clock": "+10m"})
        assert pynvml.nvmlDeviceGetTemperature(gpu(), 0) < hot - 10


def test_the_gpu_was_busy_until_the_end_was_seen(tmp_path: Path) -> None:
    with orphan() as (pid, _):
        world = a_world(tmp_path, gpus=h100(f"[{{pid: {pid}, sm_utilization: 80}}]"))
        hot = world.front_panel()[0].temperature_celsius
        world.set("world", {"clock": "+10m"})
        end(pid)
    again = open_world(world.path)
    assert again.front_panel()[0].temperature_celsius == hot
    assert again.front_panel()[0].utilization_percent == 0


def test_a_part_of_the_workload_ends_with_its_process(boot: Boot) -> None:
    with orphan() as (pid, _):
        boot(gpus=h100(f"[{{pid: {pid}}}, {{name: other}}]", "{utilization: 80, memory: 50}"))
        before = used_mib()
        end(pid)
        assert utilization() == 40
        assert abs(used_mib() - before / 2) <= 1


def test_one_that_nobody_collects_has_ended_too(boot: Boot) -> None:
    with orphan(NEVER_COLLECTS) as (_, said):
        pid = int(said)
        boot(gpus=h100(f"[{{pid: {pid}}}]"))
        assert pids() == [pid]
        end(pid)
        assert Path(f"/proc/{pid}").exists()
        assert pids() == []


def test_clients_of_mps_are_listed_twice(boot: Boot) -> None:
    boot(gpus=h100("[{name: client, type: mps}, {name: plain}, {name: screen, type: graphics}]"))
    assert [len(pids(kind)) for kind in ("Compute", "MPSCompute", "Graphics")] == [2, 1, 1]
    assert set(pids("MPSCompute")) < set(pids())


def test_the_world_file_can_be_rewritten_while_the_machine_runs(tmp_path: Path) -> None:
    with orphan() as (one, _), orphan() as (other, _):
        a_world(tmp_path, gpus=h100(f"[{{pid: {one}}}]")).set(0, {"power_limit_watts": "500"})
        world = a_world(tmp_path, gpus=h100(f"[{{pid: {one}}}, {{pid: {other}}}]"))
        assert [process.pid for process in world.gpus[0].processes] == [one, other]
        assert world.front_panel()[0].power_limit_watts == 500
        end(one)
        world = a_world(tmp_path, gpus=h100(f"[{{pid: {one}}}, {{pid: {other}}}]"), ambient_celsius=30)
        assert [process.pid for process in world.gpus[0].processes] == [other]


# -- the foreign hand --------------------------------------------------------------------------------


def test_a_hand_adds_and_removes_processes(boot: Boot) -> None:
    with orphan() as (one, _), orphan() as (other, _):
        world = boot(gpus=h100("[{name: first, pid: 4195000}]"))
        world.set(0, {"processes": f"+{one}:60000:80, +{other}:1000::mps"})
        assert pids() == sorted([4195000, one, other])
        assert pids("MPSCompute") == [other]
        assert (used_mib(), work()[one]) == (61000, 80)
        assert pynvml.nvmlSystemGetProcessName(one).startswith("python")
        world.set(0, {"processes": f"-{one}"})
        assert pids() == sorted([4195000, other])
        world.set(0, {"processes": f"{one}"})
        assert pids() == [one]
        world.set(0, {"processes": "none"})
        assert pids() == []
        world.set(0, {"processes": "auto"})
        assert pids() == [4195000]


def test_what_a_hand_added_is_there_for_other_programs(tmp_path: Path) -> None:
    with orphan() as (pid, _):
        world = a_world(tmp_path, gpus="[{board: H100-SXM}]")
        world.set(0, {"processes": f"+{pid}:60000"})
        code = "import pynvml as n; n.nvmlInit(); g = n.nvmlDeviceGetHandleByIndex(0)\n"
        code += "print([p.pid for p in n.nvmlDeviceGetComputeRunningProcesses(g)])"
        command = [sys.executable, "-c", code]
        seen = subprocess.run(command, env=command_environment(world), capture_output=True, text=True, check=True)
        assert seen.stdout == f"[{pid}]\n"


@pytest.mark.parametrize(
    "value, words",
    [
        ("4711x", "is not a number"),
        ("999999", "there is no process 999999"),
        ("4195000:1:2:cuda", "is not a process"),
        ("4195000:1:2:mps:5", "is not a process"),
        ("4195000:1:200", "not between 0 and 100"),
        ("-x", "is not a number"),
    ],
)
def test_what_is_no_process_is_refused(lab: World, value: str, words: str) -> None:
    if "999999" in value and Path("/proc/999999").exists():
        pytest.skip("this host has a process 999999")
    with pytest.raises(BadValue, match=words):
        lab.set(0, {"processes": value})


# -- other programs ----------------------------------------------------------------------------------


@pytest.mark.lane("peers")
@pytest.mark.parametrize("command", [["gpustat", "--show-pid", "--no-color"], ["nvitop", "-1"]])
def test_foreign_programs_show_a_real_process(tmp_path: Path, command: list[str]) -> None:
    with orphan() as (pid, _):
        world = a_world(tmp_path, gpus=h100(f"[{{pid: {pid}, memory_mib: 60000, sm_utilization: 80, type: mps}}]"))
        name, *arguments = command
        seen = subprocess.run(
            [str(Path(sys.executable).with_name(name)), *arguments],
            env={**command_environment(world), "TERM": "xterm", "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert seen.returncode == 0, seen.stderr
        assert str(pid) in seen.stdout
