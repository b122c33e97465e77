"""rollback: the inverse of the last apply, hardware and record alike."""

from esnode.model.plan import Mode
from tests.builders import a_gpu, a_policy, a_profile
from tests.unit.engine.machine import FakeMachine, changed_gpus

HOT = a_profile(a_policy(condition="> 82"))


def capped(watts):
    return a_profile(settings={"power_limit_watts": watts})


def roll_back(machine):
    plan = machine.plan([], mode=Mode.ROLLBACK)
    assert machine.apply(plan).is_complete
    return plan


def test_a_first_apply_rolled_back_leaves_nothing_managed():
    machine = FakeMachine(a_gpu(0), a_gpu(1, settings={"power_limit_watts": 650.0}))
    machine.plan_and_apply(capped(600.0))
    roll_back(machine)
    assert [machine.setting("power_limit_watts", index) for index in (0, 1)] == [700.0, 650.0]
    assert not machine.state.managed.gpus


def test_a_second_apply_rolled_back_is_the_first_again():
    machine = FakeMachine()
    machine.plan_and_apply(capped(600.0))
    first = machine.state.managed.gpus
    machine.plan_and_apply(capped(500.0))
    roll_back(machine)
    assert machine.setting("power_limit_watts") == 600.0
    assert not machine.plan(capped(600.0)).changes
    for uuid, record in machine.state.managed.gpus.items():
        assert record.settings["power_limit_watts"].baseline == first[uuid].settings["power_limit_watts"].baseline


def test_a_step_rolled_back_ends_its_hold():
    machine = FakeMachine(a_gpu(metrics={"gpu_temp_celsius": 84.0}))
    machine.plan_and_apply(HOT)
    plan = roll_back(machine)
    assert [step.step for step in plan.changes[0].holds] == ["end"]
    assert not machine.state.managed.gpus


def test_a_release_rolled_back_holds_again():
    machine = FakeMachine(a_gpu(metrics={"gpu_temp_celsius": 84.0}))
    machine.plan_and_apply(HOT)
    machine.set_metric("gpu_temp_celsius", 60.0)
    machine.plan(HOT)
    machine.pass_time(60)
    machine.plan_and_apply(HOT)
    assert machine.setting("power_limit_watts") == 700.0
    roll_back(machine)
    record = next(iter(machine.state.managed.gpus.values()))
    assert machine.setting("power_limit_watts") == 650.0
    assert record.settings["power_limit_watts"].baseline == 700.0
    assert record.holds["train/thermal-safety"].value == 650.0


def test_a_destroy_rolled_back_is_undone_and_a_rollback_rolled_back_is_redone():
    machine = FakeMachine()
    machine.plan_and_apply(capped(600.0))
    machine.plan_and_apply([], mode=Mode.DESTROY)
    roll_back(machine)
    assert machine.setting("power_limit_watts") == 600.0
    roll_back(machine)
    assert machine.setting("power_limit_watts") == 700.0
    assert not machine.state.managed.gpus


def test_only_what_the_last_apply_changed_is_undone():
    machine = FakeMachine(a_gpu(0), a_gpu(1))
    machine.plan_and_apply(capped(600.0))
    machine.set_setting("power_limit_watts", 690.0, index=1)
    machine.plan_and_apply(capped(600.0))
    assert changed_gpus(machine.plan([], mode=Mode.ROLLBACK)) == [1]


def test_what_a_failed_apply_did_is_undone_too():
    machine = FakeMachine(a_gpu(0), a_gpu(1))
    machine.faults[(1, "power_limit_watts")] = "refuses"
    machine.plan_and_apply(capped(600.0))
    plan = roll_back(machine)
    assert changed_gpus(plan) == [0]
    assert machine.setting("power_limit_watts") == 700.0
