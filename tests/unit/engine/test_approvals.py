"""What a person has to apply is left to a person, everything else is not held up by it."""

from __future__ import annotations

from esnode.engine.approvals import split
from esnode.model.profile import KillProcess, LockClock, ThrottlePower
from tests.builders import a_policy, a_profile
from tests.unit.engine.machine import FakeMachine

HOT = a_policy("hot", action=ThrottlePower(step_watts=50, min_watts=300))
IDLE = a_policy("idle", target="gpu_utilization", condition="< 5%", action=LockClock(frequency_mhz=210))


def machine_with(temperature=90.0, utilization=99.0):
    machine = FakeMachine()
    machine.set_metric("gpu_temp_celsius", temperature)
    machine.set_metric("gpu_utilization", utilization)
    return machine


def test_a_change_that_steps_a_named_action_waits_and_the_rest_does_not():
    plan = machine_with().plan(a_profile(HOT))
    ours, asked = split(plan, ("throttle_power",))
    assert (ours.changes, [change.address for change in asked.changes]) == ((), [plan.changes[0].address])
    assert set(asked.prior_state.records) == {plan.changes[0].address}
    assert split(plan, ("kill_process",))[0].changes == plan.changes


def test_giving_back_what_was_done_waits_for_nobody():
    machine = machine_with(utilization=0.0, temperature=60.0)
    machine.plan_and_apply(a_profile(IDLE))
    machine.set_metric("gpu_utilization", 80.0)
    plan = machine.plan(a_profile(IDLE))
    assert plan.changes
    assert split(plan, ("lock_clock",))[0].changes == plan.changes


def test_what_is_left_is_still_a_plan_that_can_be_applied():
    machine = machine_with(utilization=0.0)
    profile = a_profile(HOT, a_policy("kill", action=KillProcess(grace_period_seconds=5)))
    plan = machine.plan(profile)
    ours, _ = split(plan, ("kill_process",))
    assert machine.apply(ours).is_complete
    assert machine.setting("power_limit_watts") == 650.0
