"""World files, shared registers, lifetimes and the foreign hand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pynvml
import pytest

from esnode.errors import BadValue, FileUnreadable, FileUnwritable, WorldInvalid
from esnode.model.settings import ClockRange
from esnode.simulator import World, command_environment, create_world, open_world
from tests.unit.simulator.worlds import CAPTURES, a_world, busy

Boot = Callable[..., World]


def gpu(index: int = 0) -> Any:
    return pynvml.nvmlDeviceGetHandleByIndex(index)


def limit(world: World, index: int = 0) -> float:
    return float(world.front_panel()[index].power_limit_watts)


def in_another_process(world: World, code: str) -> str:
    """What a program prints that knows nothing of esnode."""
    script = f"import pynvml as n\nn.nvmlInit()\ng = n.nvmlDeviceGetHandleByIndex(0)\n{code}\n"
    done = subprocess.run(
        [sys.executable, "-c", script], env=command_environment(world), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# -- world files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, words",
    [
        ("gpus: [{board: H100-SMX}]", 'no board "H100-SMX"'),
        ("gpus: [{board: H100-SXM, cuont: 2}]", 'no "cuont"'),
        ("gpus: [{board: H100-SXM, count: 2, uuid: GPU-1}]", "one uuid"),
        ("gpus: [{board: H100-SXM, workload: {utilization: 120}}]", "not between 0 and 100"),
        ("gpus: [{board: H100-SXM, power_limit_watts: 900}]", "not between 200 and 700"),
        ("gpus: [{board: H100-SXM, workload: [{at: 5m}, {at: 1m}]}]", "later than the one before"),
        ("gpus: []", "no gpus"),
        ("gpus: [", "not YAML"),
        ("speed: fast", "not a number"),
        ("driver: 340", "not a driver that can be simulated"),
        ("root: maybe", "not one of any, required"),
        ("starts_at: yesterday", "not a time"),
    ],
)
def test_a_wrong_world_is_refused_with_file_and_line(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "world.yaml"
    default = "" if line.startswith("gpus") else "gpus: [{board: T4}]\n"
    path.write_text(f"apiVersion: v1\nkind: SimulatedMachine\n{line}\n{default}")
    with pytest.raises(WorldInvalid, match=words) as wrong:
        open_world(path)
    assert f"{path}:" in wrong.value.summary


def test_a_misspelt_board_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(WorldInvalid) as wrong:
        a_world(tmp_path, gpus="[{board: H100-SMX}]")
    assert wrong.value.next_step == 'Did you mean "H100-SXM"?'


def test_a_world_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"nowhere\.yaml") as wrong:
        open_world(tmp_path / "nowhere.yaml")
    assert "esnode sim init" in wrong.value.next_step


def test_a_written_world_can_be_opened_and_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    create_world(path, board="B200", count=4, speed=60)
    assert [row.model for row in open_world(path).front_panel()] == ["B200"] * 4
    with pytest.raises(FileUnwritable, match="there already"):
        create_world(path)
    create_world(path, board="T4", count=1, overwrite=True)
    assert [row.model for row in open_world(path).front_panel()] == ["T4"]


def test_two_worlds_are_two_machines(tmp_path: Path) -> None:
    for name in ("a", "b"):
        create_world(tmp_path / f"{name}.yaml", count=1)
    one, other = open_world(tmp_path / "a.yaml"), open_world(tmp_path / "b.yaml")
    assert one.machine_id.startswith("sim:")
    assert one.machine_id != other.machine_id
    assert one.gpus[0].uuid != other.gpus[0].uuid


def test_a_world_whose_registers_are_up_to_date_is_not_parsed_again(tmp_path: Path) -> None:
    a_world(tmp_path)
    code = (
        "import sys; from esnode.simulator import open_world; "
        f"open_world({str(tmp_path / 'world.yaml')!r}).library; print('ruamel.yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_edited_world_keeps_what_was_set(tmp_path: Path) -> None:
    a_world(tmp_path).set(0, {"power_limit_watts": "500"})
    world = a_world(tmp_path, gpus="[{board: H100-SXM, count: 3}]", ambient_celsius=40)
    assert [row.power_limit_watts for row in world.front_panel()] == [500, 700, 700]
    assert "40 C" in world.describe()


@pytest.mark.lane("captures")
@pytest.mark.parametrize("file, clock", [("h100", 345), ("b200", 120), ("l40s", 2040)])
def test_a_world_can_start_from_a_capture(tmp_path: Path, file: str, clock: int) -> None:
    create_world(tmp_path / "lab.yaml", from_capture=CAPTURES / f"qx-{file}.xml", speed=0)
    world = open_world(tmp_path / "lab.yaml")
    rows = world.front_panel()
    assert rows[0].uuid == "GPU-00000000-0000-0000-0000-000000000000"
    assert rows[0].sm_clock_mhz == clock
    temperatures = {"h100": [29, 30, 29, 32, 32, 29, 31, 29], "b200": [39, 53, 38, 52, 38, 51, 37, 51], "l40s": [29]}
    assert [row.temperature_celsius for row in rows] == temperatures[file]
    assert world.gpus[0].margin == {"h100": 58, "b200": 49, "l40s": 59}[file]


# -- sharing ---------------------------------------------------------------------------------------


def test_what_another_program_sets_is_seen_at_once(lab: World) -> None:
    in_another_process(lab, "n.nvmlDeviceSetPowerManagementLimit(g, 450000)")
    assert pynvml.nvmlDeviceGetPowerManagementLimit(gpu()) == 450_000


def test_who_changed_a_machine_knows_it_as_everybody_else_reads_it(lab: World) -> None:
    lab.set(0, {"power_limit_watts": "680", "graphics_clock_mhz": "350-1975", "gpu_temp_celsius": "84C"})
    lab.set(1, {"processes": "9000001:60000:90", "fault": "slow:3:gpu_power_watts", "persistence_mode": "off"})
    assert lab.registers.state().to_json() == open_world(lab.path).registers.state().to_json()


def test_registers_are_read_again_only_when_somebody_else_changed_them(
    lab: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("json.loads", None)
    lab.set(0, {"power_limit_watts": "680"})
    lab.set(0, {"compute_mode": "prohibited"})
    assert (pynvml.nvmlDeviceGetPowerManagementLimit(gpu()), pynvml.nvmlDeviceGetComputeMode(gpu())) == (680_000, 2)


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    world = a_world(tmp_path, gpus="[{board: H100-SXM, count: 8}]")
    code = "import sys; from esnode.simulator import open_world; w = open_world(sys.argv[1])\n"
    code += "for _ in range(20): w.set(sys.argv[2], {'power_limit_watts': sys.argv[3]})"
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(world.path), str(index), str(300 + index)])
        for index in range(8)
    ]
    assert [writer.wait() for writer in writers] == [0] * 8
    assert [row.power_limit_watts for row in world.front_panel()] == [300 + index for index in range(8)]


def test_registers_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    world.registers_path.write_text("{}")
    with pytest.raises(WorldInvalid, match="not a file of registers"):
        open_world(world.path)


def test_a_program_that_was_not_meant_is_left_alone(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; print(sorted(m for m in sys.modules if m.startswith('esnode')))"],
        env=command_environment(world),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_a_sitecustomize_of_ones_own_still_runs(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sitecustomize.py").write_text("print('mine')\n")
    environment = command_environment(a_world(tmp_path), {"PYTHONPATH": str(tmp_path / "mine")})
    done = subprocess.run([sys.executable, "-c", ""], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "mine\n"


# -- lifetimes -------------------------------------------------------------------------------------


def test_without_persistence_mode_a_limit_goes_with_the_last_client(boot: Boot) -> None:
    world = boot(persistence="false")
    pynvml.nvmlInit()
    pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 500_000)
    pynvml.nvmlDeviceSetGpuLockedClocks(gpu(), 1200, 1200)
    pynvml.nvmlShutdown()
    assert limit(world) == 500
    pynvml.nvmlShutdown()
    assert limit(world) == 700
    assert world.front_panel()[0].graphics_lock is None


def test_with_persistence_mode_it_stays(boot: Boot) -> None:
    world = boot()
    pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 500_000)
    pynvml.nvmlShutdown()
    assert limit(world) == 500


def test_another_client_keeps_the_gpu_open(boot: Boot) -> None:
    world = boot(persistence="false")
    in_another_process(world, "n.nvmlDeviceSetPowerManagementLimit(g, 450000)")
    assert limit(world) == 450


def test_a_program_that_died_counts_as_closed(tmp_path: Path) -> None:
    world = a_world(tmp_path, persistence="false")
    in_another_process(world, "n.nvmlDeviceSetPowerManagementLimit(g, 450000)\nimport os; os._exit(0)")
    assert limit(open_world(world.path)) == 700


def test_work_on_the_gpu_keeps_it_open(boot: Boot) -> None:
    world = boot(persistence="false", gpus="[{board: H100-SXM, processes: [{name: train}]}]")
    pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 500_000)
    pynvml.nvmlShutdown()
    assert limit(world) == 500


def test_a_driver_restart_loses_everything_at_once_and_counts_energy_from_zero(lab: World) -> None:
    pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 500_000)
    before = pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu())
    boot_id = lab.clock.now().boot_id
    lab.set(None, {"driver": "restart"})
    assert limit(lab) == 700
    assert pynvml.nvmlDeviceGetPersistenceMode(gpu()) == 0
    assert pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu()) == 0 < before
    assert lab.clock.now().boot_id == boot_id


def test_a_boot_has_an_id_and_an_uptime_of_its_own(lab: World) -> None:
    before = lab.clock.now()
    lab.set("world", {"boot": "new"})
    after = lab.clock.now()
    assert before.boot_id.startswith("sim:")
    assert after.boot_id != before.boot_id
    assert after.uptime == 0
    assert after.at == before.at


def test_a_reset_concerns_one_gpu(lab: World) -> None:
    lab.set("all", {"power_limit_watts": "500"})
    lab.set(0, {"reset": "now"})
    assert [row.power_limit_watts for row in lab.front_panel()] == [700, 500]


# -- time ------------------------------------------------------------------------------------------


def test_setters_and_cold_handles_can_take_real_time(boot: Boot) -> None:
    import time

    boot(persistence="false", latency="{setters: 20ms, cold_handle: 50ms}")
    began = time.monotonic()
    handle = gpu()
    assert time.monotonic() - began >= 0.05
    began = time.monotonic()
    pynvml.nvmlDeviceSetPowerManagementLimit(handle, 500_000)
    assert time.monotonic() - began >= 0.02


def test_a_clock_that_stands_moves_when_somebody_sleeps(lab: World) -> None:
    before = lab.clock.now()
    lab.clock.sleep(300)
    assert lab.clock.now().seconds_since(before) == pytest.approx(300)
    lab.set(None, {"clock": "+5m"})
    assert lab.clock.now().seconds_since(before) == pytest.approx(600)


def test_a_fast_clock_sleeps_short(tmp_path: Path) -> None:
    import time

    world = a_world(tmp_path, speed=600)
    before, real = world.clock.now(), time.monotonic()
    world.clock.sleep(60)
    assert world.clock.now().seconds_since(before) >= 60
    assert time.monotonic() - real < 5


def test_time_moves_heat_and_work(boot: Boot) -> None:
    shift = "[{at: 0s}, {at: 60s, utilization: 100}]"
    world = boot(gpus=f"[{{board: H100-SXM, workload: {shift}}}]")
    assert world.front_panel()[0].temperature_celsius == 30
    world.clock.advance(600)
    row = world.front_panel()[0]
    assert row.temperature_celsius == 71
    assert row.utilization_percent == 100


def test_the_same_world_gives_the_same_history(tmp_path: Path) -> None:
    def history(folder: Path) -> list[Any]:
        folder.mkdir()
        world = a_world(folder, gpus=busy())
        world.set(0, {"power_limit_watts": "450"})
        world.clock.advance(17.3)
        return [world.front_panel(), world.clock.now()]

    assert history(tmp_path / "a") == history(tmp_path / "b")


# -- the foreign hand ------------------------------------------------------------------------------


def test_a_foreign_hand_sets_what_a_program_could(lab: World) -> None:
    lab.set(0, {"power_limit_watts": "680", "graphics_clock_mhz": "350-1975", "persistence_mode": "off"})
    lab.set(0, {"compute_mode": "prohibited", "memory_clock_mhz": "1593", "out_of_band_limit_watts": "500"})
    row = lab.front_panel()[0]
    assert (row.power_limit_watts, row.enforced_limit_watts) == (680, 500)
    assert (row.graphics_lock, row.memory_lock) == (ClockRange(min=345, max=1980), ClockRange(min=1593, max=1593))
    assert (row.persistence, row.compute_mode) == (False, "prohibited")
    lab.set(0, {"graphics_clock_mhz": "none", "power_limit_watts": "default"})
    assert lab.front_panel()[0].graphics_lock is None


def test_a_pinned_sensor_shows_its_value_until_it_is_let_go(lab: World) -> None:
    lab.set(0, {"gpu_temp_celsius": "84C", "gpu_power_watts": "650", "memory_allocated_percent": "91"})
    assert pynvml.nvmlDeviceGetTemperatureV(gpu(), 0) == 84
    assert pynvml.nvmlDeviceGetMarginTemperature(gpu()) == 3
    assert pynvml.nvmlDeviceGetPowerUsage(gpu()) == 650_000
    lab.set(0, {"gpu_temp_celsius": "auto"})
    assert pynvml.nvmlDeviceGetTemperatureV(gpu(), 0) == 30


def test_pinned_utilization_is_worked(lab: World) -> None:
    lab.set(0, {"gpu_utilization": "99"})
    lab.clock.advance(600)
    assert pynvml.nvmlDeviceGetUtilizationRates(gpu()).gpu == 99
    assert lab.front_panel()[0].power_watts > 600


@pytest.mark.parametrize(
    "target, assignment, words",
    [
        (0, {"power_limit_wats": "1"}, "no"),
        (0, {"power_limit_watts": "900"}, "between 200 and 700"),
        (0, {"power_limit_watts": "much"}, "not a number"),
        (0, {"gpu_utilization": "101"}, "between 0 and 100"),
        (0, {"compute_mode": "exclusive"}, "not a compute mode"),
        (0, {"speed": "2"}, "the machine's"),
        (0, {"fault": "gpu_is_lost"}, "not a fault"),
        (0, {"fault": "not_supported:nvmlDeviceGetPowr"}, "neither a call"),
        (None, {"power_limit_watts": "500"}, "a GPU's"),
        (None, {"spede": "1"}, "no"),
        (None, {"driver": "stop"}, "not a value of driver"),
    ],
)
def test_what_cannot_be_set_is_refused_with_a_next_step(
    lab: World, target: int | None, assignment: dict[str, str], words: str
) -> None:
    with pytest.raises(BadValue, match=words) as wrong:
        lab.set(target, assignment)
    assert wrong.value.next_step or "number" in wrong.value.summary


def test_one_wrong_assignment_and_none_is_carried_out(lab: World) -> None:
    with pytest.raises(BadValue):
        lab.set(0, {"power_limit_watts": "500", "gpu_temp_celsius": "hot"})
    assert limit(lab) == 700


@pytest.mark.parametrize("target", [9, "GPU-nobody", "everyone"])
def test_a_gpu_that_is_not_there_cannot_be_set(lab: World, target: str | int) -> None:
    with pytest.raises(WorldInvalid):
        lab.set(target, {"power_limit_watts": "500"})


# -- peers -----------------------------------------------------------------------------------------


@pytest.mark.lane("peers")
def test_nvitop_shows_the_simulated_gpus(tmp_path: Path) -> None:
    world = a_world(tmp_path, gpus=busy())
    done = subprocess.run(
        [sys.executable, "-m", "nvitop", "-1"],
        env=command_environment(world),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "H100 80GB HBM3" in done.stdout
    assert "71C" in done.stdout
    assert done.stderr == ""


@pytest.mark.lane("peers")
def test_gpustat_shows_the_simulated_gpus(tmp_path: Path) -> None:
    world = a_world(tmp_path, gpus=busy())
    done = subprocess.run(
        [sys.executable, "-m", "gpustat", "--json"],
        env=command_environment(world),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)["gpus"]
    assert [(entry["temperature.gpu"], entry["enforced.power.limit"]) for entry in found] == [(71, 700)] * 2


# -- examples --------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", sorted((Path(__file__).parents[3] / "examples" / "machines").glob("*.yaml")))
def test_every_example_machine_runs(tmp_path: Path, example: Path) -> None:
    copy = tmp_path / example.name
    copy.write_bytes(example.read_bytes())
    world = open_world(copy)
    assert world.front_panel()
    assert world.name in world.describe()
