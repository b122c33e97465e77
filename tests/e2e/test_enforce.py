"""The control loop as an operator meets it: on a simulated machine whose time runs sixty times as fast."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from esnode.storage.audit import AuditLog
from tests.cli.run import esnode
from tests.e2e.lab import Lab
from tests.e2e.loops import Loop

HOT = (
    "policies:\n"
    "  - {name: hot, target: gpu_temp_celsius, condition: '> 82', severity: critical,\n"
    "     action: {type: throttle_power, parameters: {step_watts: 50, min_watts: 300}}}\n"
)
IDLE = (
    "policies:\n"
    "  - {name: idle, target: gpu_utilization, condition: '< 5%', duration: 10s,\n"
    "     action: {type: lock_clock, parameters: {frequency_mhz: 210}}}\n"
)
CAP = "settings: {power_limit_watts: %d}\npolicies: []\n"


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path)
    lab.set("speed=60")
    lab.set("all", "persistence_mode=on", "gpu_temp_celsius=60", "gpu_utilization=90")
    return lab


def audit(lab):
    return AuditLog(lab.folder / "esnode.state.json").tail(None)


def is_alive(pid):
    return Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def test_it_begins_as_the_specification_says_acts_and_leaves_settings_when_told_to_end(lab):
    lab.write_profile(HOT)
    with Loop(lab, "-interval", "5s") as loop:
        loop.begun()
        assert loop.lines[:2] == ["Profile 'lab' applied to world. SIMULATED", "Active Control Loop started."]
        lab.set(0, "gpu_temp_celsius=90")
        loop.wait_for("step", "700 W -> 650 W")
        loop.wait_for("step", "650 W -> 600 W")
        family = loop.family()
        assert family
        assert loop.end() == 0
        assert "settings stay as they are" in loop.messages("loop_ended")[0]
    assert lab.limits()[0] <= 600
    assert not any(is_alive(pid) for pid in family)
    done = audit(lab)
    assert {entry.operation for entry in done} == {"enforce"}
    assert (done[0].before, done[0].after, done[0].read_back) == (
        {"power_limit_watts": 700.0},
        {"power_limit_watts": 650.0},
        650.0,
    )
    assert len({entry.identity for entry in done}) == len(done)


def test_it_gives_everything_back_at_its_end_when_asked_to(lab):
    lab.write_profile(CAP % 560)
    with Loop(lab, "-restore-on-exit") as loop:
        loop.begun()
        assert lab.limits() == [560, 560]
        assert loop.end(signal.SIGINT) == 0
    assert lab.limits() == [700, 700]
    assert lab.state()["managed"]["gpus"] == {}


def test_an_idle_gpu_is_unlocked_by_the_first_look_that_shows_work(lab):
    lab.write_profile(IDLE)
    lab.set(0, "gpu_utilization=0")
    with Loop(lab, "-interval", "5s") as loop:
        loop.begun().wait_for("step", "-> 345 MHz")
        lab.set(0, "gpu_utilization=90")
        loop.wait_for("step", "345 MHz -> unlocked")
        assert not lab.panel()[0]["graphics_lock"]


def test_a_second_loop_says_who_keeps_the_state_and_ends(lab):
    lab.write_profile(CAP % 560)
    with Loop(lab) as loop:
        loop.begun()
        second = lab.run("enforce", "-f", "profile.es")
        assert second.code == 5
        assert f"PID {loop.process.pid}" in second.err
        assert lab.run("enforce", "-f", "profile.es", "-dry-run", "-once").code == 0


def test_a_dry_run_judges_and_writes_nothing_at_all(lab):
    lab.write_profile(HOT)
    lab.set(0, "gpu_temp_celsius=90")
    before = {path.name for path in lab.folder.iterdir()}
    with Loop(lab, "-dry-run") as loop:
        loop.wait_for("verdict", "ACTIVE")
        loop.begun()
        assert loop.end() == 0
        assert "dry run" in loop.lines[0]
    assert lab.limits() == [700, 700]
    assert {path.name for path in lab.folder.iterdir()} == before


def test_once_is_one_cycle_with_an_exit_code(lab):
    lab.write_profile(CAP % 560)
    done = lab.run("enforce", "-f", "profile.es", "-once")
    assert (done.code, done.out) == (0, "Profile 'lab' applied to world. SIMULATED\n")
    assert lab.limits() == [560, 560]
    lab.write_profile(CAP % 500)
    lab.set(1, "fault=lying_setter")
    assert lab.run("enforce", "-f", "profile.es", "-once").code == 4
    assert lab.limits() == [500, 560]


def test_people_and_the_loop_live_together_without_losing_a_write(lab):
    lab.write_profile(HOT)
    lab.write_profile(CAP % 600, "other.es")
    with Loop(lab, "-interval", "5s") as loop:
        loop.begun()
        lab.set("all", "gpu_temp_celsius=90")
        for _ in range(6):
            assert lab.plan().code == 0
            lab.run("apply", "plan.json")  # may be refused: the loop was faster
            assert lab.run("scan").code in (0, 2)
        lab.run("plan", "-f", "other.es", "-out", "other.json")
        refused = lab.run("apply", "other.json")
        assert refused.code == 3
        assert f"PID {loop.process.pid}" in refused.err
        assert loop.end() == 0
    entries = audit(lab)
    assert len({entry.identity for entry in entries}) == len(entries)
    for gpu, limit in zip(lab.panel(), lab.limits(), strict=True):
        told = [entry for entry in entries if gpu["uuid"] in entry.address]
        assert [one.after for one in told[:-1]] == [other.before for other in told[1:]]
        assert told[-1].after == {"power_limit_watts": limit}
        assert lab.state()["managed"]["gpus"][gpu["uuid"]]["settings"]["power_limit_watts"]["baseline"] == 700


def test_profiles_are_read_again_at_sighup_and_broken_ones_change_nothing(lab):
    lab.write_profile(CAP % 560)
    with Loop(lab) as loop:
        loop.begun()
        lab.write_profile("settings: {power_limit_wats: 500}\npolicies: []\n")
        loop.send(signal.SIGHUP)
        assert 'Did you mean "power_limit_watts"' in loop.wait_for("reload_failed")["@message"]
        assert lab.limits() == [560, 560]
        lab.write_profile(CAP % 500)
        loop.send(signal.SIGHUP)
        loop.wait_for("reloaded")
        loop.wait_until(lambda: lab.limits() == [500, 500], "the new profile's limit")
        # The sign says so too: a plan of the new profile may be applied beside the loop.
        assert lab.plan().code == 0


def test_what_needs_approval_waits_as_a_saved_plan_and_is_applied_beside_the_loop(lab):
    lab.write_profile(HOT)
    lab.set(0, "gpu_temp_celsius=90")
    with Loop(lab, "-require-approval", "throttle_power") as loop:
        told = loop.wait_for("approval_needed")
        assert lab.limits() == [700, 700]
        done = lab.run("apply", told["path"])
        assert (done.code, lab.limits()[0]) == (0, 650), done.err
        lab.set(0, "gpu_temp_celsius=60")
        loop.wait_for("approval_over")
        # On a slow host the next step may have been asked for before the GPU cooled down.
        loop.wait_until(lambda: not Path(lab.folder, told["path"]).exists(), "nothing waits any more")


def test_another_program_that_fights_over_a_setting_is_not_fought_in_a_tight_loop(lab, http_receiver):
    lab.write_profile(CAP % 560)
    (lab.folder / "node.yaml").write_text(f'channels:\n  oncall: {{webhook: "{http_receiver.url}/hook"}}\n')
    with Loop(lab, "-interval", "5s", "-node", "node.yaml", "-notify", "oncall") as loop:
        loop.begun()
        deadline, fights = time.monotonic() + 8, 0
        while time.monotonic() < deadline:  # eight minutes of the machine's time
            if lab.limits()[0] == 560:
                lab.set(0, "power_limit_watts=700")
                fights += 1
        contested = loop.wait_for("setting_contested", "power limit of GPU-0")
        assert "from 560 W to 700 W" in contested["@message"]
        loop.wait_until(lambda: http_receiver.received, "the channel is told")
    written = [entry for entry in audit(lab) if entry.before == {"power_limit_watts": 700.0}]
    assert len(written) <= 2 + 8 * 60 / 30
    (message,) = {item.json["key"] for item in http_receiver.received}
    assert message


def test_a_gpu_that_hangs_takes_no_other_down_and_is_taken_up_again(lab):
    lab.write_profile(HOT)
    with Loop(lab, "-interval", "5s", "-timeout", "1s") as loop:
        loop.begun()
        lab.set(1, "fault=hang")
        loop.wait_for("gpu_unreadable", "GPU-1")
        lab.set(0, "gpu_temp_celsius=90")
        loop.wait_for("step", "GPU-0: power limit 700 W -> 650 W")
        lab.set(1, "fault=none", "gpu_temp_celsius=90")
        loop.wait_for("gpu_readable", "GPU-1")
        loop.wait_for("step", "GPU-1: power limit 700 W -> 650 W")


def test_lost_and_found_reloaded_and_booted_everything_is_as_it_should_be_again(lab):
    lab.write_profile(CAP % 560)
    with Loop(lab, "-interval", "5s") as loop:
        loop.begun()
        lab.set("all", "fault=gpu_lost")
        loop.wait_for("cycle_failed")
        lab.set("all", "fault=none")
        loop.wait_for("cycle_recovered")
        lab.set("world", "driver=restart")
        loop.wait_until(lambda: lab.limits() == [560, 560], "set again after the driver's restart")
        lab.set("world", "boot=new")
        loop.wait_until(lambda: lab.limits() == [560, 560], "set again after a boot")
    baselines = {
        record["settings"]["power_limit_watts"]["baseline"] for record in lab.state()["managed"]["gpus"].values()
    }
    assert baselines == {700}


def test_a_log_that_cannot_be_written_is_no_reason_to_end(lab):
    lab.write_profile(CAP % 560)
    with Path("/dev/full").open("wb") as full:
        loop = subprocess.Popen(
            [sys.executable, "-m", "esnode", "enforce", "-f", "profile.es", "-interval", "5s"],
            cwd=lab.folder,
            env={**os.environ, "ESNODE_SIMULATE": "world.yaml"},
            stdout=full,
            stderr=full,
        )
    try:
        deadline = time.monotonic() + 60
        while lab.limits() != [560, 560] or lab.set(0, "power_limit_watts=650"):
            assert time.monotonic() < deadline
        while lab.limits() != [560, 560]:
            assert time.monotonic() < deadline
        assert loop.poll() is None
    finally:
        loop.terminate()
        loop.wait()
    assert lab.state()["managed"]["journal"] == {}


def test_a_state_that_vanishes_is_no_new_beginning(lab):
    lab.write_profile(CAP % 560)
    state = lab.folder / "esnode.state.json"
    with Loop(lab, "-interval", "5s") as loop:
        loop.begun()
        kept = state.read_bytes()
        state.rename(lab.folder / "aside.json")
        assert "state restore" in loop.wait_for("cycle_failed", "is gone while it is being kept")["@message"]
        lab.set(0, "power_limit_watts=650")
        state.write_bytes(kept)
        loop.wait_for("cycle_recovered")
        loop.wait_until(lambda: lab.limits() == [560, 560], "drift is corrected again")


def test_an_xid_is_reacted_to_at_once(lab):
    lab.set("speed=1")
    lab.write_profile(
        "policies:\n  - {name: fell, target: xid_error, condition: '= 79',\n"
        "     action: {type: throttle_power, parameters: {step_watts: 100, min_watts: 300}}}\n"
    )
    with Loop(lab, "-interval", "10m") as loop:
        loop.begun()
        lab.set(0, "xid_error=79")
        assert "XID (79)" in loop.wait_for("step", "700 W -> 600 W")["@message"]


def test_a_loop_that_was_killed_is_continued_from_the_state_and_leaves_nobody_behind(lab):
    lab.write_profile(HOT)
    lab.set(0, "gpu_temp_celsius=90")
    with Loop(lab, "-interval", "5s") as loop:
        loop.wait_for("step", "700 W -> 650 W")
        loop.begun()
        family = loop.family()
        assert loop.end(signal.SIGKILL) == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while any(is_alive(pid) for pid in family):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with Loop(lab, "-interval", "5s") as loop:
        loop.begun()
        lab.set(0, "gpu_temp_celsius=60")
        loop.wait_for("step", "-> 700 W")
    assert lab.limits() == [700, 700]
    entries = audit(lab)
    assert len({entry.identity for entry in entries}) == len(entries)


def test_everything_is_json_when_asked_for(lab):
    lab.write_profile(CAP % 560)
    done = lab.run("enforce", "-f", "profile.es", "-once", "-json")
    assert [line["type"] for line in done.lines()] == ["version", "step", "step", "loop_started"]
    assert done.err == ""


def test_its_service_manager_hears_how_it_is(lab, tmp_path):
    lab.write_profile(CAP % 560)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "3000000"}
        with Loop(lab, "-interval", "10m", env=environment) as loop:
            assert manager.recv(4096).startswith(b"READY=1\nSTATUS=2 GPUs")
            heard = b""
            while heard.count(b"WATCHDOG=1") < 2:
                heard += manager.recv(4096)
            assert loop.end() == 0
            while b"STOPPING=1" not in heard:
                heard += manager.recv(4096)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-require-approval", "kil_process"], 'Did you mean "kill_process"?'),
        (["-notify", "oncall"], "which no node file defines"),
        (["-interval", "0s"], "must be at least"),
    ],
)
def test_a_typo_is_named_before_anything_happens(lab, words, said):
    lab.write_profile(CAP % 560)
    done = lab.run("enforce", "-f", "profile.es", *words)
    assert done.code == 1
    assert said in done.err
    assert lab.limits() == [700, 700]


def test_without_a_driver_it_ends_with_a_sentence(tmp_path):
    (tmp_path / "profile.es").write_text(
        "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: lab, version: '1'}\n" + CAP % 560
    )
    done = esnode("enforce", "-f", "profile.es", "-once", cwd=tmp_path, env={"ESNODE_RUNTIME_DIR": str(tmp_path)})
    assert done.code == 1
    assert "driver" in done.err
    assert not (tmp_path / "esnode.state.json").exists()


def get(address, page):
    try:
        with urllib.request.urlopen(f"http://{address}{page}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def limits(address):
    return [line for line in get(address, "/metrics")[1].splitlines() if line.startswith("esnode_power_limit_watts{")]


def test_what_it_serves_is_what_it_does(lab):
    lab.write_profile(CAP % 560)
    with Loop(lab, "-interval", "5s", "-listen", "127.0.0.1:0", "-timeout", "1s") as loop:
        loop.begun()
        address = lab.document("esnode.state.json.loop")["listen"]
        loop.wait_until(lambda: get(address, "/readyz")[0] == 200, "ready")
        page = get(address, "/metrics")[1]
        assert 'esnode_actions_total{action="update",result="applied",type="gpu"} 2.0' in page
        assert 'esnode_actions_total{action="update",result="failed",type="gpu"} 0.0' in page
        # What was observed is of before the write, until the loop has looked again.
        loop.wait_until(lambda: {line.split()[-1] for line in limits(address)} == {"560.0"}, "the limit is seen")
        assert len(limits(address)) == 6
        assert 'Hostname="world"' in limits(address)[0]
        assert json.loads(get(address, "/plan")[1])["resource_changes"] == []
        lab.set("all", "fault=hang")
        loop.wait_until(lambda: get(address, "/healthz")[0] == 503, "unhealthy")
        assert "None of 2 GPUs can be read" in get(address, "/healthz")[1]
        lab.set("all", "fault=none")
        loop.wait_until(lambda: get(address, "/healthz")[0] == 200, "healthy again")
        assert loop.end() == 0


@pytest.mark.lane("tmpfs")
def test_a_disk_that_is_full_for_a_while_ends_nothing(lab, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], check=True)
    try:
        lab.write_profile(HOT)
        with Loop(lab, "-interval", "5s", "-state", "disk/state.json") as loop:
            loop.begun()
            filler = disk / "filler"
            with contextlib.suppress(OSError):
                filler.write_bytes(b"x" * 2**20)
            lab.set(0, "gpu_temp_celsius=90")
            failed = loop.wait_for("cycle_failed")
            assert "No space left" in failed["@message"]
            assert lab.limits()[0] == 700
            filler.unlink()
            loop.wait_for("cycle_recovered")
            loop.wait_until(lambda: lab.limits()[0] < 700, "acts again")
            assert loop.end() == 0
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
