"""Drift through the installed command: found, named, corrected or accepted, on a simulated machine."""

import sys

import pytest

from tests.cli.run import esnode
from tests.e2e.lab import Lab
from tests.places import CAPTURES, EXAMPLES

CAP = "settings: {power_limit_watts: 600}\npolicies: []\n"
LOCKED = "settings: {graphics_clock_mhz: {min: 345, max: 1200}}\npolicies: []\n"
FOREIGN = """
import pynvml
pynvml.nvmlInit()
pynvml.nvmlDeviceSetPowerManagementLimit(pynvml.nvmlDeviceGetHandleByIndex(1), 650000)
pynvml.nvmlShutdown()
"""


@pytest.fixture
def capped(lab: Lab) -> Lab:
    lab.write_profile(CAP)
    assert lab.plan_and_apply().code == 0
    return lab


@pytest.fixture
def locked(lab: Lab) -> Lab:
    lab.write_profile(LOCKED)
    assert lab.plan_and_apply().code == 0
    lab.set("clock=+10s")
    return lab


def test_a_limit_that_another_program_wrote_is_named_in_one_run(capped):
    (capped.folder / "foreign.py").write_text(FOREIGN)
    assert capped.run("sim", "run", "--", sys.executable, "foreign.py").code == 0
    scanned = capped.run("scan")
    assert scanned.code == 2
    row = next(line.split() for line in scanned.out.splitlines() if line.startswith("GPU-1 "))
    assert row[1:7] == ["power_limit_watts", "600", "W", "650", "W", "external"]
    assert "lab/settings" in row
    assert capped.document("esnode.state.json")["managed"]["gpus"]
    assert "Drift: 1 setting on 1 GPU." in scanned.out


def test_scan_says_when_there_is_nothing_and_exits_0(capped):
    scanned = capped.run("scan")
    assert (scanned.code, scanned.err) == (0, "")
    assert "No drift. The hardware is as esnode applied it." in scanned.out


def test_scan_fails_with_1(lab):
    (lab.folder / "esnode.state.json").write_text("{}")
    assert lab.run("scan").code == 1
    assert lab.run("scan", "-refresh=false").code == 1


def test_scan_saves_just_the_corrections_and_is_clean_after_them(capped):
    capped.set("all", "power_limit_watts=680")
    assert capped.run("scan", "-out", "plan.json").code == 2
    assert capped.apply().code == 0
    assert capped.limits() == [600, 600]
    assert capped.run("scan").code == 0
    assert "No changes." in capped.plan().out


def test_scan_json_is_json_lines_with_everything_in_them(capped):
    capped.set(0, "power_limit_watts=680")
    lines = capped.run("scan", "-json").lines()
    assert [line["type"] for line in lines] == ["version", "resource_drift", "scan_summary"]
    drift = lines[1]["resource_drift"]
    assert (drift["cause"], drift["before"], drift["after"]) == (
        "external",
        {"power_limit_watts": 600},
        {"power_limit_watts": 680},
    )
    assert drift["applied"]["power_limit_watts"].keys() == {"profile", "policy", "user", "at"}
    assert lines[-1]["drift"] == {"settings": 1, "gpus": 1}


def test_scan_with_a_profile_names_what_was_never_applied(lab):
    lab.write_profile(CAP)
    assert lab.run("scan").code == 0
    scanned = lab.run("scan", "-f", "profile.es", "-out", "plan.json")
    assert scanned.code == 2
    assert "not_applied" in scanned.out
    assert lab.apply().code == 0
    assert lab.run("scan", "-f", "profile.es").code == 0


@pytest.mark.lane("captures")
def test_a_capture_is_scanned_against_a_profile(tmp_path):
    cap = EXAMPLES / "profiles" / "power-cap.es"
    assert esnode("scan", "-capture", CAPTURES / "qx-h100.xml", "-f", cap, cwd=tmp_path).code == 2
    assert esnode("scan", "-capture", CAPTURES / "qx-h100.xml", cwd=tmp_path).code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_lower_limit_in_force_is_a_note_and_not_drift(capped):
    capped.set(1, "out_of_band_limit_watts=500")
    scanned = capped.run("scan")
    assert scanned.code == 0
    assert "The power limit of GPU-1 is limited elsewhere: 500 W are enforced, 600 W are requested." in scanned.out


def test_drift_stands_in_an_empty_plan_too(capped):
    capped.set(0, "power_limit_watts=500")
    capped.write_profile("settings: {power_limit_watts: 500}\npolicies: []\n", "lower.es")
    planned = capped.run("plan", "-f", "lower.es", "-target", "gpu[1]", "-out", "plan.json")
    capped.set(0, "fault=gpu_lost")
    lost = capped.run("plan", "-f", "profile.es", "-out", "plan.json")
    assert "Note: Objects have changed outside of esnode" in planned.out
    assert "No changes." in lost.out
    assert "GPU-0 has changed (unreadable)" in lost.out
    assert [drift["cause"] for drift in capped.document()["resource_drift"]] == ["unreadable"]


def test_a_lost_gpu_is_drift_until_it_is_back(capped):
    capped.set(0, "fault=gpu_lost")
    scanned = capped.run("scan")
    assert scanned.code == 2
    assert "unreadable" in scanned.out
    capped.set(0, "fault=none")
    assert capped.run("scan").code == 0


def test_a_gpu_that_was_exchanged_is_named_with_its_successor(capped):
    uuid = capped.panel()[0]["uuid"]
    world = (capped.folder / "world.yaml").read_text()
    head, _, _ = world.partition("gpus:")
    new = "GPU-99999999-0000-0000-0000-000000000000"
    entries = f"gpus:\n  - {{board: H100-SXM, uuid: {new}}}\n  - {{board: H100-SXM}}\n"
    (capped.folder / "world.yaml").write_text(head + entries)
    scanned = capped.run("scan")
    assert scanned.code == 2
    assert "gpu_replaced" in scanned.out
    assert f"{new} (NVIDIA H100 80GB HBM3) is at " in scanned.out
    assert capped.run("state", "show", f'gpu["{uuid}"]').code == 0


def test_accepting_drift_records_it_and_touches_nothing(capped):
    capped.set(0, "power_limit_watts=680")
    planned = capped.run("plan", "-refresh-only", "-out", "plan.json")
    assert "This is a refresh-only plan" in planned.out
    assert "will be recorded as it is, the hardware is not touched" in planned.out
    capped.set("all", "fault=no_permission")
    assert capped.apply().code == 0
    assert capped.run("scan").code == 0
    assert capped.limits() == [680, 600]
    assert "No changes. The hardware still is as esnode applied it." in capped.run("plan", "-refresh-only").out


@pytest.mark.parametrize(
    "flags", [["-refresh-only", "-destroy"], ["-refresh-only", "-reassert"], ["-refresh-only", "-refresh=false"]]
)
def test_flags_that_contradict_each_other_are_refused(lab, flags):
    refused = lab.run("plan", *flags)
    assert refused.code == 1
    assert "cannot be given together" in refused.err


PERSISTENT = "settings: {persistence_mode: true, power_limit_watts: 600, graphics_clock_mhz: 1200}\npolicies: []\n"


@pytest.mark.parametrize(
    ("event", "reason"),
    [("driver=restart", "The driver was restarted (new session)"), ("boot=new", "The machine was booted since (new")],
)
def test_a_restart_takes_everything_volatile_and_is_planned_again_with_that_reason(lab, event, reason):
    lab.set("all", "persistence_mode=off")
    lab.write_profile(PERSISTENT)
    lab.plan_and_apply()
    lab.set("clock=+1m")
    assert lab.run("scan").code == 0
    lab.set("world", event)
    assert lab.run("scan").out.count(" reload ") == 6
    assert f"and it is gone. {reason}" in lab.plan().out
    assert lab.apply().code == 0
    assert lab.panel()[0]["graphics_lock"] == {"min": 1200, "max": 1200}
    assert lab.run("scan").code == 0


def test_a_limit_that_went_with_the_last_client_is_named_as_that(capped):
    capped.set("all", "persistence_mode=off")
    capped.run("scan")
    scanned = capped.run("scan")
    assert scanned.code == 2
    assert scanned.out.count(" not_persistent ") == 2


def test_a_lock_that_somebody_took_away_is_found_under_load_and_planned_again(locked):
    assert "holds. The SM clock is 1200 MHz under load" in locked.run("scan").out
    locked.set(0, "graphics_clock_mhz=none")
    scanned = locked.run("scan")
    assert scanned.code == 2
    assert "The SM clock is 1980 MHz, above the lock's 1200 MHz." in scanned.out
    assert "345-1200 MHz, written again" in locked.plan().out
    assert locked.apply().code == 0
    assert locked.panel()[0]["graphics_lock"] == {"min": 345, "max": 1200}


def test_a_lock_on_an_idle_gpu_is_a_note_and_reassert_writes_it_again(locked):
    locked.set("all", "gpu_utilization=0")
    locked.set(0, "graphics_clock_mhz=none")
    scanned = locked.run("scan")
    assert scanned.code == 0
    assert "cannot be verified" in scanned.out
    assert "No changes." in locked.plan().out
    assert "written again" in locked.plan("-reassert").out
    assert locked.apply().code == 0
    assert locked.panel()[0]["graphics_lock"] == {"min": 345, "max": 1200}


def test_an_idle_gpu_that_is_held_up_is_judged_by_where_it_rested_before(lab):
    lab.write_profile("settings: {graphics_clock_mhz: {min: 1380, max: 1980}}\npolicies: []\n")
    lab.set("all", "gpu_utilization=0")
    lab.plan_and_apply()
    lab.set("clock=+10s")
    assert "without the lock it rests at 345 MHz" in lab.run("scan").out
    lab.set(1, "graphics_clock_mhz=none")
    assert "below the lock's 1380 MHz, in P0" in lab.run("scan").out
