"""Apply while things go wrong: interrupts, hanging drivers, GPUs and drivers that go away, a full disk."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.lab import Lab
from tests.faults.under_way import PATIENCE, POWER_HANGS, apply_held

CAP = "settings: {power_limit_watts: 600, compute_mode: exclusive_process}\npolicies: []\n"


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path, count=3)
    lab.write_profile(CAP)
    assert lab.plan().code == 0
    return lab


def types(lines):
    return [line["type"] for line in lines]


def journal(lab):
    return lab.state()["managed"]["journal"]


def test_one_interrupt_finishes_what_is_in_hand_and_stops(lab):
    lab.set(1, POWER_HANGS)
    with apply_held(lab) as under_way:
        under_way.interrupt(signal.SIGINT)
        lab.set(1, "fault=none")
        code, lines, _ = under_way.end()
    assert code == 130
    assert types(lines).count("apply_complete") == 3
    assert "Stopped: interrupted" in lines[-1]["@message"]
    assert (lab.limits(), journal(lab)) == ([600, 600, 600], {})
    lab.plan()
    assert [list(change["change"]["after"]) for change in lab.document()["resource_changes"]] == [["compute_mode"]] * 3


def test_two_interrupts_stop_at_once_and_the_next_plan_says_what_was_in_flight(lab):
    lab.set(1, POWER_HANGS)
    with apply_held(lab) as under_way:
        under_way.interrupt(signal.SIGINT)
        os.killpg(under_way.process.pid, signal.SIGINT)
        code, lines, _ = under_way.end()
    assert code == 130
    assert lines[-1]["type"] == "interrupted"
    lab.set(1, "fault=none")
    said = lab.plan().err
    assert "interrupted apply: power limit of GPU-0 was" in said
    assert "interrupted apply: power limit of GPU-1 was not written, it is still 700 W" in said
    assert lab.apply().code == 0
    assert lab.limits() == [600, 600, 600]


def test_a_termination_is_143(lab):
    lab.set(1, POWER_HANGS)
    with apply_held(lab) as under_way:
        under_way.interrupt(signal.SIGTERM)
        lab.set(1, "fault=none")
        assert under_way.end()[0] == 143
    assert journal(lab) == {}


def test_a_setter_that_hangs_fails_alone_and_stays_in_the_journal(lab):
    lab.set(1, POWER_HANGS)
    failed = lab.apply("-timeout=4s")
    assert failed.code == 4
    assert "2 applied, 1 failed, 0 not started" in failed.out
    assert "the driver did not come back from setting it to 600 W, no answer within 4 s" in failed.out
    assert [intent["setting"] for intent in journal(lab).values()] == ["power_limit_watts"]
    lab.set(1, "fault=none")
    assert "power limit of GPU-1 was not written" in lab.plan().err
    assert lab.changed() == [1]


def test_a_lock_that_hangs_is_planned_again_because_nobody_can_tell(tmp_path):
    lab = Lab(tmp_path, count=1)
    lab.write_profile("settings: {graphics_clock_mhz: 1200}\npolicies: []\n")
    lab.plan()
    lab.set(0, "fault=hang:nvmlDeviceSetGpuLockedClocks")
    assert lab.apply("-timeout=4s").code == 4
    lab.set(0, "fault=none")
    assert "no driver can tell, so it is planned again" in lab.plan().err
    assert lab.changed() == [0]
    assert lab.apply().code == 0
    assert "No changes." in lab.plan().out


def test_a_gpu_whose_sensor_hangs_takes_no_other_down(lab):
    lab.set(1, "fault=hang:nvmlDeviceGetPowerUsage")
    planned = lab.plan("-timeout=4s")
    assert planned.code == 0
    assert "GPU-1 (H100) State: could not be read: no answer in time (no answer within 4 s)" in planned.out
    assert "GPU-0 (H100) State: Temp=" in planned.out
    assert lab.changed() == [0, 2]
    assert lab.document()["complete"] is False


def test_the_drivers_process_dies_with_its_parent(lab):
    lab.set(1, POWER_HANGS)
    with apply_held(lab) as under_way:
        (child,) = under_way.children()
        under_way.process.kill()
        deadline = time.monotonic() + PATIENCE
        while _is_alive(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _is_alive(child)


def test_a_plan_beside_a_running_apply_shows_it_in_flight_and_is_not_applied(lab):
    lab.set(1, POWER_HANGS)
    with apply_held(lab) as under_way:
        planned = lab.run("plan", "-f", "profile.es", "-out", "beside.json", "-lock-timeout=0s")
        assert "In flight: power limit of GPU-0, 700 W to 600 W" in planned.err
        assert lab.document("beside.json")["applyable"] is False
        lab.set(1, "fault=none")
        assert under_way.end()[0] == 0
    refused = lab.run("apply", "beside.json")
    assert refused.code == 3
    assert "while another apply was under way" in refused.err


def test_a_plan_without_a_refresh_does_not_guess_what_became_of_an_interrupted_apply(lab):
    lab.set(1, POWER_HANGS)
    with apply_held(lab) as under_way:
        under_way.process.kill()
    planned = lab.plan("-refresh=false")
    assert "Without a refresh nobody knows what became of it." in planned.err
    assert lab.document()["applyable"] is False


def test_a_gpu_lost_half_way_is_one_failure_and_its_record_waits_for_it(lab):
    lab.set(1, POWER_HANGS)
    with apply_held(lab) as under_way:
        lab.set(1, "fault=gpu_lost")
        code, lines, _ = under_way.end()
    assert code == 4
    assert lines[-1]["results"] != {}
    assert sorted(lines[-1]["results"].values()) == ["applied", "applied", "failed"]
    assert "cannot be decided, the GPU is unreadable" in lab.plan().err
    assert len(journal(lab)) == 1
    lab.set(1, "fault=none")
    assert "interrupted apply: power limit of GPU-1 was" in lab.plan().err
    assert (lab.changed(), journal(lab)) == ([1], {})


def test_a_driver_reloaded_half_way_is_found_by_reading_back_and_planned_again(lab):
    lab.set("clock=+10m")
    lab.plan()
    lab.set(1, "fault=driver_restart:nvmlDeviceSetPowerManagementLimit")
    failed = lab.apply()
    assert failed.code == 4
    lab.set("all", "persistence_mode=on")
    assert lab.plan().code == 0
    assert lab.apply().code == 0
    assert lab.limits() == [600, 600, 600]
    lab.run("destroy", "-out", "plan.json")
    assert lab.apply().code == 0
    assert (lab.limits(), lab.state()["managed"]["gpus"]) == ([700, 700, 700], {})


def test_slow_setters_are_only_slow(tmp_path):
    lab = Lab(tmp_path, count=3)
    world = tmp_path / "world.yaml"
    world.write_text(world.read_text() + "\nlatency: {setters: 15ms}\n")
    lab.write_profile(CAP)
    assert lab.plan_and_apply().code == 0
    assert lab.limits() == [600, 600, 600]


# -- a full disk, which is one -----------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    disk = tmp_path / "small"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"\0" * 512)


@pytest.mark.lane("tmpfs")
def test_a_disk_that_is_full_before_touches_nothing(lab, small_disk):
    state = small_disk / "esnode.state.json"
    lab.plan("-state", state)
    fill(small_disk)
    refused = lab.apply("-state", state)
    assert refused.code == 3
    assert "Nothing was touched" in refused.err
    assert lab.limits() == [700, 700, 700]


@pytest.mark.lane("tmpfs")
def test_a_disk_that_fills_up_half_way_stops_and_keeps_what_was_done_elsewhere(lab, small_disk):
    state = small_disk / "esnode.state.json"
    lab.plan("-state", state)
    lab.set(1, POWER_HANGS)
    with apply_held(lab, "-state", state) as under_way:
        fill(small_disk)
        lab.set(1, "fault=none")
        code, lines, _ = under_way.end()
    assert code == 4
    assert [line["path"] for line in lines if line["type"] == "state_errored"] == ["errored.state.json"]
    saved = lab.document("errored.state.json")["managed"]
    assert [gpu["settings"]["power_limit_watts"]["baseline"] for gpu in saved["gpus"].values()] == [700, 700, 700]
    assert {row["compute_mode"] for row in lab.panel()} == {"default"}


@pytest.mark.lane("tmpfs")
def test_a_state_that_fits_nowhere_is_printed_and_the_journal_alone_brings_everything_back(lab, small_disk):
    state = small_disk / "esnode.state.json"
    lab.plan("-state", state)
    lab.set(1, POWER_HANGS)
    with apply_held(lab, "-state", state, cwd=small_disk) as under_way:
        fill(small_disk)
        lab.set(1, "fault=none")
        code, lines, _ = under_way.end()
    assert code == 4
    (errored,) = [line for line in lines if line["type"] == "state_errored"]
    assert errored["path"] is None
    assert len(errored["state"]["managed"]["gpus"]) == 3
    (small_disk / "ballast").unlink()
    assert "was written, 700 W to 600 W" in lab.plan("-state", state).err
    lab.run("destroy", "-state", state, "-out", "plan.json")
    assert lab.apply("-state", state).code == 0
    assert lab.limits() == [700, 700, 700]


def test_a_directory_that_is_gone_half_way_is_the_same(lab, tmp_path):
    folder = tmp_path / "states"
    folder.mkdir()
    state = folder / "esnode.state.json"
    lab.plan("-state", state)
    lab.set(1, POWER_HANGS)
    with apply_held(lab, "-state", state) as under_way:
        folder.rename(tmp_path / "moved")
        lab.set(1, "fault=none")
        code, lines, _ = under_way.end()
    assert code == 4
    assert "state_errored" in types(lines)
    assert (tmp_path / "errored.state.json").exists()


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
