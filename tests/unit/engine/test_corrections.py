"""Plans about drift alone: correcting it goes back to the record, accepting it writes nothing but the record."""

import pytest

from esnode.model.plan import Cause, DriftCause, Mode
from esnode.model.readings import Missing, MissingReason
from esnode.model.settings import ClockRange
from esnode.records import replace
from tests.builders import a_gpu, a_policy, a_profile
from tests.unit.engine.machine import FakeMachine, changed_gpus

CAPPED = a_profile(settings={"power_limit_watts": 600.0})


def a_drifted_machine(*gpus):
    machine = FakeMachine(*gpus)
    machine.plan_and_apply(CAPPED)
    machine.set_setting("power_limit_watts", 680.0)
    machine.written.clear()
    return machine


def test_a_correction_needs_no_profile_and_leaves_no_drift():
    machine = a_drifted_machine(a_gpu(0), a_gpu(1))
    plan = machine.plan([], mode=Mode.CORRECT)
    assert changed_gpus(plan) == [0]
    assert plan.changes[0].reason is Cause.DRIFT
    machine.apply(plan)
    assert machine.written == [(0, "power_limit_watts", 600.0)]
    assert not machine.plan([], mode=Mode.CORRECT).drift


def test_a_correction_keeps_the_owner_and_the_baseline():
    machine = a_drifted_machine()
    before = next(iter(machine.state.managed.gpus.values())).settings["power_limit_watts"]
    machine.plan_and_apply([], mode=Mode.CORRECT)
    after = next(iter(machine.state.managed.gpus.values())).settings["power_limit_watts"]
    assert (after.owner, after.baseline, after.applied) == (before.owner, before.baseline, before.applied)


def test_a_held_limit_is_corrected_to_the_hold_and_no_policy_steps():
    machine = FakeMachine(a_gpu(metrics={"gpu_temp_celsius": 84.0}))
    machine.plan_and_apply(a_profile(a_policy()))
    machine.pass_time(600)
    machine.set_setting("power_limit_watts", 700.0)
    plan = machine.plan([], mode=Mode.CORRECT)
    assert plan.changes[0].after == {"power_limit_watts": 650.0}
    assert not plan.changes[0].holds
    assert not plan.verdicts


def test_a_given_profiles_settings_are_compared_too():
    machine = FakeMachine()
    plan = machine.plan(CAPPED, mode=Mode.CORRECT)
    assert [(drift.cause, drift.before, drift.applied) for drift in plan.drift] == [
        (DriftCause.NOT_APPLIED, {"power_limit_watts": 600.0}, {})
    ]
    machine.apply(plan)
    assert not machine.plan(CAPPED, mode=Mode.CORRECT).drift


def test_a_given_profile_does_not_overrule_what_a_policy_holds():
    profile = a_profile(a_policy(), settings={"power_limit_watts": 690.0})
    machine = FakeMachine(a_gpu(metrics={"gpu_temp_celsius": 84.0}))
    machine.plan_and_apply(profile)
    assert machine.setting("power_limit_watts") == 640.0
    assert not machine.plan(profile, mode=Mode.CORRECT).drift


def test_a_gpu_that_cannot_be_read_is_drift_without_a_correction():
    machine = a_drifted_machine()
    uuid = next(iter(machine.gpus))
    machine.gpus[uuid] = a_gpu(failure=Missing(missing=MissingReason.GPU_LOST), settings={}, metrics={})
    for mode in (Mode.CORRECT, Mode.REFRESH_ONLY):
        plan = machine.plan([], mode=mode)
        assert plan.drift[0].cause is DriftCause.UNREADABLE
        assert not plan.changes
        assert not plan.complete


def test_a_clamped_limit_is_not_fought_and_the_way_out_is_named():
    machine = a_drifted_machine()
    uuid, gpu = next(iter(machine.gpus.items()))
    machine.gpus[uuid] = replace(gpu, limits=replace(gpu.limits, power_max_watts=550.0))
    machine.set_setting("power_limit_watts", 550.0)
    plan = machine.plan([], mode=Mode.CORRECT)
    assert not plan.changes
    assert "Nothing is done on GPU-0 for its power limit: the board takes" in plan.diagnostics[0].summary
    assert machine.plan([], mode=Mode.REFRESH_ONLY).changes[0].after == {"power_limit_watts": 550.0}


def test_accepted_drift_is_recorded_and_the_hardware_is_not_touched():
    machine = a_drifted_machine()
    plan = machine.plan([], mode=Mode.REFRESH_ONLY)
    assert plan.changes[0].reason is Cause.ACCEPT_DRIFT
    assert (plan.changes[0].before, plan.changes[0].after) == (
        {"power_limit_watts": 600.0},
        {"power_limit_watts": 680.0},
    )
    assert machine.apply(plan).is_complete
    assert not machine.written
    managed = next(iter(machine.state.managed.gpus.values())).settings["power_limit_watts"]
    assert (managed.applied, managed.baseline) == (680.0, 700.0)
    assert not machine.plan([], mode=Mode.REFRESH_ONLY).drift


def test_nothing_to_accept_is_no_change_and_gives_nothing_back():
    machine = FakeMachine()
    machine.plan_and_apply(CAPPED)
    plan = machine.plan([], mode=Mode.REFRESH_ONLY)
    assert not plan.changes
    assert not plan.diagnostics


def test_what_changed_again_before_apply_is_not_accepted():
    from esnode.errors import StalePlan

    machine = a_drifted_machine()
    plan = machine.plan([], mode=Mode.REFRESH_ONLY)
    machine.set_setting("power_limit_watts", 500.0)
    with pytest.raises(StalePlan):
        machine.apply(plan)


def test_a_lock_of_another_session_is_accepted_as_gone():
    machine = FakeMachine()
    machine.plan_and_apply(a_profile(settings={"graphics_clock_mhz": ClockRange(min=345, max=1200)}))
    uuid, gpu = next(iter(machine.gpus.items()))
    machine.plan([], mode=Mode.REFRESH_ONLY)
    machine.gpus[uuid] = replace(gpu, energy_joules=1.0)
    plan = machine.plan([], mode=Mode.REFRESH_ONLY)
    assert plan.changes[0].after == {"graphics_clock_mhz": None}
    machine.apply(plan)
    assert not machine.plan([], mode=Mode.REFRESH_ONLY).drift


def test_a_lock_that_drifted_within_its_session_cannot_be_accepted():
    machine = FakeMachine(a_gpu(metrics={"gpu_sm_clock_mhz": 1980.0}))
    machine.plan_and_apply(a_profile(settings={"graphics_clock_mhz": ClockRange(min=345, max=1200)}))
    machine.pass_time(10)
    plan = machine.plan([], mode=Mode.REFRESH_ONLY)
    assert len(plan.drift) == 1
    assert not plan.changes
    assert "no driver can tell what it is now" in plan.diagnostics[0].summary
