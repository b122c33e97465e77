"""The same inputs give the same plan, byte for byte: a gate that compares plans can be trusted."""

import json
import re

import pytest

from esnode.model.plan import Mode
from esnode.storage.plans import decision_digest, plan_bytes
from esnode.storage.profiles.read import read_profiles
from esnode.wiring.machine import Facts, open_machine
from esnode.wiring.planning import Request, plan_for
from tests.e2e.lab import Lab

PROFILE = """
settings: {persistence_mode: true, power_limit_watts: "80%"}
policies:
  - name: hot
    target: gpu_temp_celsius
    condition: "> 60"
    action: {type: throttle_power, parameters: {step_watts: 50, min_watts: 300}}
  - name: busy
    target: gpu_utilization
    condition: "> 10%"
    action: {type: lock_clock, parameters: {frequency_mhz: 1200}}
  - name: tell
    target: gpu_power_watts
    condition: "> 100 W"
    action: {type: alert, parameters: {channel: ops}}
"""
TIMES_AND_READINGS = ("timestamp", "expires_at", "gpus", "verdicts", "checksum")


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path, count=4)
    lab.write_profile(PROFILE)
    assert lab.plan().code == 0  # the state is there from now on
    return lab


def plans(lab, machine, times, between=lambda number: None):
    request = Request(
        profiles=read_profiles([str(lab.folder / "profile.es")]),
        mode=Mode.NORMAL,
        state_path=lab.folder / "esnode.state.json",
        facts=Facts(),
        capture=None,
        simulate=lab.folder / "world.yaml",
        refresh=True,
        lock=True,
        lock_timeout=10,
        targets=(),
        valid_for=3600,
        timeout=30,
    )
    for number in range(times):
        between(number)
        yield plan_for(request, machine)


def without_readings(plan):
    """The plan's file apart from times, readings, and the reasons that quote readings."""
    document = json.loads(plan_bytes(plan))
    for name in TIMES_AND_READINGS:
        del document[name]
    text = json.dumps(document, sort_keys=True)
    return re.sub(r'"(reason|since|at|uptime|value)": ("(\\.|[^"])*"|[-0-9.]+|\{[^{}]*\})', r'"\1": ""', text)


def test_a_hundred_plans_of_a_machine_that_stands_still_are_one(lab):
    with open_machine(lab.folder / "world.yaml", Facts(), timeout=30) as machine:
        made = list(plans(lab, machine, 100))
    assert len(made[0].changes) == 8
    assert len({plan_bytes(plan) for plan in made}) == 1
    assert len({decision_digest(plan) for plan in made}) == 1


def test_when_time_passes_and_readings_move_the_decision_stays(lab):
    def move(number):
        lab.set("all", f"gpu_temp_celsius={70 + number}")
        lab.set("clock=+1s")

    with open_machine(lab.folder / "world.yaml", Facts(), timeout=30) as machine:
        made = list(plans(lab, machine, 3, between=move))
    assert len({plan_bytes(plan) for plan in made}) == 3
    assert len({without_readings(plan) for plan in made}) == 1
    assert len({decision_digest(plan) for plan in made}) == 1


def test_no_order_of_sets_shows(lab):
    written = set()
    for seed in ("0", "1"):
        planned = lab.run("plan", "-f", "profile.es", "-out", "plan.json", env={"PYTHONHASHSEED": seed})
        assert planned.code == 0
        written.add((lab.folder / "plan.json").read_bytes())
    assert len(written) == 1
