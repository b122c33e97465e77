"""throttle_power: down step by step while it is hot, up again when it has been cool, never oscillating."""

from esnode.model.profile import ThrottlePower
from esnode.model.verdict import Status
from tests.builders import a_gpu, a_policy, a_profile
from tests.unit.engine.machine import FakeMachine, changed_gpus

HOT = a_profile(a_policy(condition="> 82"))


def a_hot_machine(**members):
    return FakeMachine(a_gpu(metrics={"gpu_temp_celsius": 84.0}, **members))


def test_the_first_step_lowers_the_limit_of_the_hot_gpu_alone():
    machine = FakeMachine(a_gpu(0), a_gpu(1, metrics={"gpu_temp_celsius": 84.0}))
    plan = machine.plan(HOT)
    assert changed_gpus(plan) == [1]
    assert plan.changes[0].before == {"power_limit_watts": 700.0}
    assert plan.changes[0].after == {"power_limit_watts": 650.0}


def test_planning_twice_never_steps_twice():
    machine = a_hot_machine()
    assert machine.plan(HOT).changes == machine.plan(HOT).changes


def test_an_applied_step_leaves_no_changes_until_the_settle_time_is_over():
    machine = a_hot_machine()
    machine.plan_and_apply(HOT)
    machine.pass_time(29)
    plan = machine.plan(HOT)
    assert not plan.changes
    assert "the next step comes after 30s" in plan.verdicts[0].reason
    machine.pass_time(1)
    assert machine.plan(HOT).changes[0].after == {"power_limit_watts": 600.0}


def test_at_the_floor_it_says_so_and_goes_no_lower():
    profile = a_profile(a_policy(action=ThrottlePower(step_watts=500, min_watts=300)))
    machine = a_hot_machine()
    machine.plan_and_apply(profile)
    assert machine.setting("power_limit_watts") == 300.0
    machine.pass_time(60)
    plan = machine.plan(profile)
    assert not plan.changes
    assert "at its floor of 300 W" in plan.verdicts[0].reason


def test_it_never_raises_a_limit_that_is_below_its_floor_already():
    profile = a_profile(a_policy(action=ThrottlePower(step_watts=50, min_watts=600)))
    machine = a_hot_machine(settings={"power_limit_watts": 500.0})
    assert not machine.plan(profile).changes


def test_the_boards_minimum_is_a_floor_too():
    profile = a_profile(a_policy(action=ThrottlePower(step_watts=600, min_watts=50)))
    assert a_hot_machine().plan(profile).changes[0].after == {"power_limit_watts": 200.0}


def test_it_steps_from_what_is_there_when_somebody_set_it_lower():
    machine = a_hot_machine(settings={"power_limit_watts": 500.0})
    assert machine.plan(HOT).changes[0].after == {"power_limit_watts": 450.0}


def test_in_the_margin_behind_the_limit_it_holds():
    machine = a_hot_machine()
    machine.plan_and_apply(HOT)
    machine.set_metric("gpu_temp_celsius", 80.0)
    machine.pass_time(3600)
    plan = machine.plan(HOT)
    assert plan.verdicts[0].status is Status.HOLDING
    assert not plan.changes


def test_cooled_down_it_climbs_back_step_by_step_and_is_unmanaged_again():
    machine = a_hot_machine()
    machine.plan_and_apply(HOT)
    machine.pass_time(30)
    machine.plan_and_apply(HOT)
    assert machine.setting("power_limit_watts") == 600.0
    machine.set_metric("gpu_temp_celsius", 60.0)
    machine.plan(HOT)
    machine.pass_time(59)
    assert not machine.plan(HOT).changes
    machine.pass_time(1)
    machine.plan_and_apply(HOT)
    assert machine.setting("power_limit_watts") == 650.0
    machine.pass_time(60)
    plan = machine.plan(HOT)
    assert plan.changes[0].forget == ("power_limit_watts",)
    machine.apply(plan)
    assert machine.setting("power_limit_watts") == 700.0
    record = next(iter(machine.state.managed.gpus.values()))
    assert not record.settings
    assert not record.holds
    machine.pass_time(5)
    assert not machine.plan(HOT).changes


def test_a_step_down_soon_after_a_step_up_doubles_the_wait():
    machine = a_hot_machine()
    machine.plan_and_apply(HOT)
    machine.pass_time(30)
    machine.plan_and_apply(HOT)
    machine.set_metric("gpu_temp_celsius", 60.0)
    machine.plan(HOT)
    machine.pass_time(60)
    machine.plan_and_apply(HOT)
    machine.set_metric("gpu_temp_celsius", 84.0)
    machine.pass_time(60)
    machine.plan_and_apply(HOT)
    hold = next(iter(next(iter(machine.state.managed.gpus.values())).holds.values()))
    assert hold.raise_wait == 120.0


def test_the_lowest_of_two_policies_wins_and_the_other_is_named():
    gentle = a_policy("gentle", condition="> 82", action=ThrottlePower(step_watts=20, min_watts=300))
    change = a_hot_machine().plan(a_profile(*HOT.policies, gentle)).changes[0]
    assert change.after == {"power_limit_watts": 650.0}
    assert change.because["power_limit_watts"].policy == "thermal-safety"
    assert change.because["power_limit_watts"].overruled == ("train/gentle (680 W)",)
    assert [step.policy for step in change.holds] == ["thermal-safety"]


def test_a_missing_metric_keeps_what_is_held():
    from esnode.model.readings import NOT_READ

    machine = a_hot_machine()
    machine.plan_and_apply(HOT)
    machine.set_metric("gpu_temp_celsius", NOT_READ)
    machine.pass_time(3600)
    plan = machine.plan(HOT)
    assert plan.verdicts[0].status is Status.UNKNOWN
    assert not plan.changes


def test_a_limit_at_the_floor_is_held_down_against_a_base_that_would_raise_it():
    profile = a_profile(*HOT.policies, settings={"power_limit_watts": 650.0})
    machine = a_hot_machine(settings={"power_limit_watts": 300.0})
    machine.plan_and_apply(profile)
    assert machine.setting("power_limit_watts") == 300.0
    assert not machine.plan(profile).changes


def test_two_policies_take_turns_and_never_step_on_each_others_heels():
    gentle = a_policy("gentle", condition="> 82", action=ThrottlePower(step_watts=20, min_watts=300))
    both = a_profile(*HOT.policies, gentle)
    machine = a_hot_machine()
    machine.plan_and_apply(both)
    assert not machine.plan(both).changes
    machine.pass_time(30)
    assert machine.plan(both).changes[0].after == {"power_limit_watts": 600.0}
