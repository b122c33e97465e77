"""lock_clock: an idle clock while nothing runs, gone as soon as work arrives."""

from esnode.model.profile import LockClock, ThrottlePower
from esnode.model.settings import ClockRange
from esnode.model.verdict import Status
from tests.builders import a_gpu, a_policy, a_profile
from tests.unit.engine.machine import FakeMachine

IDLE = a_profile(
    a_policy("idle", target="gpu_utilization", condition="< 5%", duration="5m", action=LockClock(frequency_mhz=210))
)


def an_idle_machine():
    machine = FakeMachine(a_gpu(metrics={"gpu_utilization": 0.0}))
    machine.plan(IDLE)
    machine.pass_time(300)
    return machine


def test_after_its_duration_the_nearest_supported_clock_is_locked():
    machine = an_idle_machine()
    plan = machine.plan(IDLE)
    assert plan.changes[0].before == {"graphics_clock_mhz": None}
    assert plan.changes[0].after == {"graphics_clock_mhz": ClockRange(min=345, max=345)}
    assert any("given back by esnode alone" in diagnostic.summary for diagnostic in plan.diagnostics)


def test_a_lock_is_applied_once_and_then_held():
    machine = an_idle_machine()
    assert machine.plan_and_apply(IDLE).is_complete
    machine.pass_time(60)
    plan = machine.plan(IDLE)
    assert plan.verdicts[0].status is Status.ACTIVE
    assert not plan.changes


def test_work_that_arrives_releases_it_at_once():
    machine = an_idle_machine()
    machine.plan_and_apply(IDLE)
    machine.set_metric("gpu_utilization", 50.0)
    machine.pass_time(400)
    plan = machine.plan(IDLE)
    assert plan.verdicts[0].status is Status.RELEASING
    assert plan.changes[0].after == {"graphics_clock_mhz": None}
    machine.apply(plan)
    assert list(machine.locks.values()) == [None]
    assert not machine.state.managed.gpus


def test_a_lock_given_back_too_soon_needs_twice_as_long_next_time():
    machine = an_idle_machine()
    machine.plan_and_apply(IDLE)
    machine.set_metric("gpu_utilization", 50.0)
    machine.pass_time(10)
    machine.plan_and_apply(IDLE)
    machine.set_metric("gpu_utilization", 0.0)
    machine.plan(IDLE)
    machine.pass_time(300)
    verdict = machine.plan(IDLE).verdicts[0]
    assert verdict.status is Status.PENDING
    assert "true for 5m of 10m" in verdict.reason


def test_an_overruled_lock_starts_no_hold():
    low = a_policy("low", condition="> 50", action=LockClock(frequency_mhz=345))
    high = a_policy("high", condition="> 50", action=LockClock(frequency_mhz=1200))
    machine = FakeMachine()
    plan = machine.plan(a_profile(low, high))
    assert [step.policy for step in plan.changes[0].holds] == ["low"]
    assert "Overruled by train/low (345 MHz)" in plan.verdicts[1].reason


def test_a_policy_whose_action_changed_gives_its_old_hold_back():
    hot = a_policy(condition="> 50", action=ThrottlePower(step_watts=50, min_watts=300))
    machine = FakeMachine()
    machine.plan_and_apply(a_profile(hot))
    locking = a_policy(condition="> 90", action=LockClock(frequency_mhz=345))
    plan = machine.plan(a_profile(locking))
    assert plan.changes[0].after == {"power_limit_watts": 700.0}
    assert plan.changes[0].because["power_limit_watts"].cause == "policy_removed"
