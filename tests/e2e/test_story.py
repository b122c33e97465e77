"""The first day of a user, through the installed command on a simulated machine."""

import json
import os
import shutil
from datetime import UTC, datetime

import pytest

from esnode.model.loops import Loop
from esnode.storage.loops import looping
from tests.e2e.lab import Lab

THERMAL = """
policies:
  - name: thermal-safety
    target: gpu_temp_celsius
    condition: "> 82"
    action: {type: throttle_power, parameters: {step_watts: 50, min_watts: 300}}
"""
CAP = "settings: {power_limit_watts: 600}\npolicies: []\n"
IDLE = """
policies:
  - name: idle
    target: gpu_utilization
    condition: "< 5%"
    duration: 5m
    action: {type: lock_clock, parameters: {frequency_mhz: 210}}
"""


def test_a_hot_gpu_is_throttled_step_by_step_and_climbs_back(lab):
    lab.write_profile(THERMAL)
    lab.set(1, "gpu_temp_celsius=84")
    planned = lab.plan()
    assert "power_limit_watts = 700 W -> 650 W" in planned.out
    assert lab.changed() == [1]
    applied = lab.apply()
    assert applied.code == 0
    assert "GPU-1: power limit 700 W -> 650 W, read back" in applied.out
    assert lab.limits() == [700, 650]

    held = lab.plan()
    assert "No changes." in held.out
    assert "the next step comes after 30s" in held.out
    lab.set("clock=+30s")
    lab.plan_and_apply()
    assert lab.limits() == [700, 600]

    lab.set(1, "gpu_temp_celsius=60")
    for _ in range(3):
        lab.plan_and_apply()
        lab.set("clock=+60s")
    assert lab.limits() == [700, 700]
    assert lab.run("state", "list").out == ""
    assert "Nothing is managed." in lab.run("show").out


def test_a_foreign_hand_between_plan_and_apply_refuses_the_plan_twice(lab):
    lab.write_profile(CAP)
    lab.plan()
    lab.set(0, "power_limit_watts=680")
    for _ in range(2):
        refused = lab.apply()
        assert refused.code == 3
        assert "is 680 W now, the plan was made at 700 W" in refused.err
        assert lab.limits() == [680, 700]


def test_the_same_plan_is_applied_once(lab):
    lab.write_profile(CAP)
    assert lab.plan_and_apply().code == 0
    assert "Saved plan is stale" in lab.apply().err
    assert lab.apply().code == 3


def test_one_changed_byte_refuses_the_plan(lab):
    lab.write_profile(CAP)
    lab.plan()
    path = lab.folder / "plan.json"
    path.write_bytes(path.read_bytes().replace(b'"power_limit_watts":600', b'"power_limit_watts":500'))
    refused = lab.apply()
    assert (refused.code, lab.limits()) == (3, [700, 700])
    assert "checksum is wrong" in refused.err


def test_another_machines_plan_is_refused(lab, tmp_path):
    lab.write_profile(CAP)
    lab.plan()
    (tmp_path / "other").mkdir()
    other = Lab(tmp_path / "other")
    shutil.copy(lab.folder / "plan.json", other.folder / "plan.json")
    refused = other.apply()
    assert (refused.code, other.limits()) == (3, [700, 700])
    assert "was made on" in refused.err


def test_a_profile_is_never_applied_without_a_plan(lab):
    lab.write_profile(CAP)
    refused = lab.run("apply", "profile.es")
    assert refused.code == 1
    assert "esnode plan -f profile.es -out plan.json" in refused.err
    assert "esnode apply plan.json" in refused.err


def test_a_simulated_plan_is_refused_on_hardware(lab):
    lab.write_profile(CAP)
    lab.plan()
    refused = lab.run("apply", "plan.json", env={"ESNODE_SIMULATE": ""})
    assert refused.code in (1, 3)
    assert lab.limits() == [700, 700]


def test_an_idle_gpu_is_locked_after_five_minutes_and_unlocked_by_work(lab):
    lab.write_profile(IDLE)
    lab.set("all", "gpu_utilization=0")
    for _ in range(5):
        lab.plan()
        lab.set("clock=+1m")
    assert "accepted, not readable" in lab.plan_and_apply().out
    assert lab.panel()[0]["graphics_lock"] == {"min": 345, "max": 345}
    assert lab.panel()[0]["sm_clock_mhz"] == 345
    lab.set("all", "gpu_utilization=90")
    lab.set("clock=+5s")
    lab.plan_and_apply()
    assert lab.panel()[0]["graphics_lock"] is None


def test_every_setting_goes_all_the_way_and_all_the_way_back(lab):
    lab.set("all", "persistence_mode=off")
    lab.write_profile(
        "settings: {power_limit_watts: '80%', graphics_clock_mhz: {min: 1000, max: 1801}, memory_clock_mhz: 1593,"
        " persistence_mode: true, compute_mode: exclusive_process}\npolicies: []\n"
    )
    assert lab.plan_and_apply().code == 0
    row = lab.panel()[0]
    assert (row["power_limit_watts"], row["persistence"], row["compute_mode"]) == (560, True, "exclusive_process")
    assert row["graphics_lock"] == {"min": 1005, "max": 1800}
    assert row["memory_lock"] == {"min": 1593, "max": 1593}
    assert "No changes." in lab.plan().out

    destroyed = lab.run("destroy", "-out", "plan.json")
    assert "an earlier one is not restored" in destroyed.err
    assert lab.apply().code == 0
    row = lab.panel()[0]
    assert (row["power_limit_watts"], row["persistence"], row["compute_mode"]) == (700, False, "default")
    assert (row["graphics_lock"], row["memory_lock"]) == (None, None)
    assert lab.state()["managed"]["gpus"] == {}


def test_a_plan_without_changes_applies_as_nothing_to_do(lab):
    lab.write_profile("policies: []\n")
    lab.plan()
    assert lab.apply().code == 0
    assert "Nothing to do" in lab.apply().out


def test_an_old_plan_expires_by_the_machines_own_clock(lab):
    lab.write_profile(CAP)
    lab.plan()
    lab.set("clock=+61m")
    refused = lab.apply()
    assert refused.code == 3
    assert "is 1h1m old and expired 1m ago" in refused.err


def test_an_expected_digest_holds_a_plan_to_its_review(lab):
    lab.write_profile(CAP)
    lab.plan()
    assert lab.apply("-expect-digest=0000").code == 3
    assert lab.apply(f"-expect-digest={lab.document()['digest']}").code == 0


def test_apply_json_is_json_lines_to_the_last_byte(lab):
    lab.write_profile(CAP)
    lab.plan()
    lines = lab.apply("-json").lines()
    assert [line["type"] for line in lines].count("apply_complete") == 2
    assert lines[0]["type"] == "version"
    assert lines[-1]["changes"] == {"applied": 2, "failed": 0, "not_started": 0, "operation": "apply"}


def test_a_plan_from_recorded_readings_advances_no_clock(lab):
    lab.write_profile(IDLE)
    lab.set("all", "gpu_utilization=0")
    lab.plan()
    lab.set("clock=+10m")
    assert "true for 0s of 5m" in lab.plan("-refresh=false").out
    assert lab.document()["refreshed"] is False


def test_targets_plan_one_gpu_alone(lab):
    lab.write_profile(CAP)
    lab.plan("-target", "gpu[1]")
    assert lab.changed() == [1]
    assert lab.run("plan", "-f", "profile.es", "-target", "gpu[7]").code == 1


def test_show_prints_a_saved_plan_and_its_json(lab):
    lab.write_profile(CAP)
    lab.plan()
    assert "power_limit_watts = 700 W -> 600 W" in lab.run("show", "plan.json").out
    assert json.loads(lab.run("show", "-json", "plan.json").out) == lab.document()


def test_an_alert_to_a_channel_that_nobody_defined_warns_and_then_fails(lab):
    lab.write_profile(
        "policies:\n"
        "  - {name: tell, target: gpu_utilization, condition: '> 50%', action: {type: alert, channel: ops}}\n"
    )
    planned = lab.plan()
    assert "Plan: 2 to add, 0 to change, 0 to destroy." in planned.out
    assert "The channel ops of lab/tell is not defined" in planned.err
    failed = lab.apply()
    assert failed.code == 4
    assert "channel ops" in failed.out


def test_runs_differ_only_in_time_readings_and_checksum(lab):
    lab.write_profile(CAP)
    lab.plan()
    digests, members = set(), []
    for _ in range(3):
        lab.plan()
        document = lab.document()
        digests.add(document["digest"])
        members.append({key: value for key, value in document.items() if key not in ("checksum",)})
    assert len(digests) == 1
    assert members[0] == members[1] == members[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_plan_works_for_a_user_and_apply_says_what_it_needs(lab):
    pytest.importorskip("pwd")
    lab.write_profile(CAP)
    text = (lab.folder / "world.yaml").read_text()
    (lab.folder / "world.yaml").write_text(text.replace("root: any", "root: required"))
    lab.plan()
    lab.set("all", "fault=no_permission")
    failed = lab.apply()
    assert failed.code == 4
    assert "sudo" in failed.out
    assert "CAP_SYS_ADMIN" in failed.out


def test_a_profile_that_everybody_may_write_is_warned_about(lab):
    lab.write_profile(CAP)
    (lab.folder / "profile.es").chmod(0o666)
    assert "The profile profile.es can be written by everybody" in lab.plan().err


def test_a_plan_of_other_profiles_is_refused_while_a_loop_keeps_the_state(lab):
    lab.write_profile(CAP)
    lab.plan()
    planned = lab.document()["profiles"][0]
    state = lab.folder / "esnode.state.json"
    now = datetime.now(UTC)
    with looping(state, Loop(pid=4711, user="ada@node-01", since=now, profiles={"night": "d1"})):
        refused = lab.apply()
    assert refused.code == 3
    assert "ada@node-01 (PID 4711) keeps this state by night" in refused.err
    with looping(state, Loop(pid=4711, user="ada@node-01", since=now, profiles={planned["name"]: planned["sha256"]})):
        assert lab.apply().code == 0
