"""Apply: every check before the first write, and a record of nothing but what was read back."""

from datetime import timedelta

import pytest

from esnode.engine.preflight import Expectations, check_plan, check_world
from esnode.engine.recover import recover
from esnode.errors import PlanExpired, PlanUnexpected, StalePlan, WrongMachine
from esnode.model.hardware import MachineIdKind, NodeIdentity, Origin, Session
from esnode.model.plan import Operation
from esnode.model.readings import NOT_READ
from esnode.model.report import Result
from esnode.model.settings import ClockRange
from esnode.records import replace
from tests.builders import a_gpu, a_node, a_policy, a_profile, a_state
from tests.unit.engine.machine import FakeMachine, changed_gpus

HOT = a_profile(a_policy(condition="> 82"))
CAPPED = a_profile(settings={"power_limit_watts": 600.0})


def a_hot_machine():
    return FakeMachine(a_gpu(metrics={"gpu_temp_celsius": 84.0}))


def refused(machine, plan, error):
    with pytest.raises(error) as refusal:
        machine.apply(plan)
    assert not machine.written
    return refusal.value


def test_a_hand_between_plan_and_apply_refuses_the_whole_plan():
    machine = a_hot_machine()
    plan = machine.plan(HOT)
    machine.set_setting("power_limit_watts", 680.0)
    assert "is 680 W now, the plan was made at 700 W" in refused(machine, plan, StalePlan).summary


def test_the_same_plan_twice_is_stale():
    machine = a_hot_machine()
    plan = machine.plan(HOT)
    machine.apply(plan)
    machine.written.clear()
    assert refused(machine, plan, StalePlan).summary == "Saved plan is stale"


def test_a_gpu_that_cooled_down_is_not_throttled():
    machine = a_hot_machine()
    plan = machine.plan(HOT)
    machine.set_metric("gpu_temp_celsius", 60.0)
    assert "is over" in refused(machine, plan, StalePlan).summary


def test_a_metric_that_cannot_be_read_again_refuses_a_step():
    machine = a_hot_machine()
    plan = machine.plan(HOT)
    machine.set_metric("gpu_temp_celsius", NOT_READ)
    assert "cannot be read" in refused(machine, plan, StalePlan).summary


def test_a_release_is_refused_when_it_is_hot_again():
    machine = a_hot_machine()
    machine.plan_and_apply(HOT)
    machine.set_metric("gpu_temp_celsius", 60.0)
    machine.plan(HOT)
    machine.pass_time(60)
    plan = machine.plan(HOT)
    machine.set_metric("gpu_temp_celsius", 84.0)
    machine.written.clear()
    assert "its condition is true again" in refused(machine, plan, StalePlan).summary


def test_an_old_plan_expires_and_max_age_can_only_shorten_it():
    machine = a_hot_machine()
    plan = machine.plan(HOT)
    machine.pass_time(600)
    with pytest.raises(PlanExpired):
        check_world(plan, machine.state, machine.observe(), Expectations(max_age=timedelta(minutes=5)))
    machine.pass_time(3600)
    refused(machine, plan, PlanExpired)


def test_another_machines_plan_is_refused():
    machine = a_hot_machine()
    plan = machine.plan(HOT)
    elsewhere = NodeIdentity(machine_id="m2", machine_id_kind=MachineIdKind.MACHINE_ID, hostname="node-02")
    error = refused(machine, replace(plan, node=a_node(identity=elsewhere)), WrongMachine)
    assert error.summary == "This plan was made on node-02 and this is node-01"


def test_a_plan_from_a_simulated_machine_never_reaches_hardware():
    machine = a_hot_machine()
    refused(machine, replace(machine.plan(HOT), origin=Origin.SIMULATED), WrongMachine)


def test_another_machines_state_is_refused():
    machine = a_hot_machine()
    plan = machine.plan(HOT)
    elsewhere = NodeIdentity(machine_id="m2", machine_id_kind=MachineIdKind.MACHINE_ID, hostname="node-02")
    machine.state = replace(machine.state, node=elsewhere)
    refused(machine, plan, WrongMachine)


def test_a_plan_from_another_state_file_is_refused():
    machine = a_hot_machine()
    plan = machine.plan(HOT)
    machine.state = replace(a_state(), lineage="another", serial=3)
    refused(machine, plan, StalePlan)


def test_a_driver_restart_between_plan_and_apply_refuses_the_plan():
    machine = a_hot_machine()
    plan = machine.plan(HOT)
    uuid, gpu = next(iter(machine.gpus.items()))
    machine.gpus[uuid] = replace(gpu, session=Session(boot_id="boot-2"))
    assert "was restarted" in refused(machine, plan, StalePlan).summary


def test_a_gpu_that_is_gone_refuses_the_plan():
    machine = FakeMachine(a_gpu(0), a_gpu(1, metrics={"gpu_temp_celsius": 84.0}))
    plan = machine.plan(HOT)
    del machine.gpus[list(machine.gpus)[1]]
    refused(machine, plan, StalePlan)


def test_an_unexpected_decision_is_refused():
    machine = a_hot_machine()
    with pytest.raises(PlanUnexpected):
        check_plan(machine.plan(HOT), "aaaa", Expectations(digest="bbbb"))


def test_one_gpu_that_refuses_does_not_stop_the_others():
    machine = FakeMachine(*(a_gpu(index) for index in range(8)))
    machine.faults[(3, "power_limit_watts")] = "refuses"
    report = machine.plan_and_apply(CAPPED)
    assert (report.count(Result.APPLIED), report.count(Result.FAILED)) == (7, 1)
    assert [step.next_step for step in report.steps if step.error] == ["Run it with sudo."]
    assert changed_gpus(machine.plan(CAPPED)) == [3]


def test_a_setter_that_says_success_and_does_nothing_is_caught():
    machine = FakeMachine()
    machine.faults[(0, "power_limit_watts")] = "lies"
    report = machine.plan_and_apply(CAPPED)
    assert not report.is_complete
    assert 'the driver answered "success" for a power limit of 600 W on GPU-0' in report.steps[0].error
    assert not machine.state.managed.gpus


def test_a_limit_that_was_clamped_is_recorded_as_what_it_is():
    machine = FakeMachine()
    machine.faults[(0, "power_limit_watts")] = "clamps"
    machine.plan_and_apply(CAPPED)
    managed = next(iter(machine.state.managed.gpus.values())).settings["power_limit_watts"]
    assert (managed.applied, managed.baseline) == (690.0, 700.0)


def test_the_intent_is_saved_before_the_hardware_is_touched():
    machine = FakeMachine()
    machine.plan_and_apply(CAPPED)
    assert machine.saved_before_writing == [1]
    assert [len(state.managed.journal) for state in machine.saved] == [1, 0]
    intent = next(iter(machine.saved[0].managed.journal.values()))
    assert (intent.before, intent.after, intent.baseline) == (700.0, 600.0, 700.0)


def test_a_change_that_fails_half_way_leaves_the_rest_of_itself_undone():
    machine = FakeMachine(a_gpu(settings={"persistence_mode": False}))
    machine.faults[(0, "persistence_mode")] = "refuses"
    profile = a_profile(settings={"persistence_mode": True, "power_limit_watts": 600.0})
    report = machine.plan_and_apply(profile)
    assert report.count(Result.FAILED) == 1
    assert machine.setting("power_limit_watts") == 700.0


def test_a_state_that_cannot_be_saved_stops_before_the_hardware():
    machine = FakeMachine()
    plan = machine.plan(CAPPED)
    machine.is_disk_full = True
    report = machine.apply(plan)
    assert report.is_state_lost
    assert not machine.written


def test_a_hold_whose_step_could_not_be_written_down_is_not_stepped_twice():
    machine = a_hot_machine()
    plan = machine.plan(HOT)
    machine.is_log_full = True
    machine.apply(plan)
    machine.recover()
    (record,) = machine.state.managed.gpus.values()
    assert [hold.value for hold in record.holds.values()] == [650.0]
    assert not machine.state.managed.journal
    assert not machine.plan(HOT).changes


def test_what_cannot_be_written_down_stays_in_flight_until_it_can():
    machine = FakeMachine()
    plan = machine.plan(CAPPED)
    machine.is_log_full = True
    report = machine.apply(plan)
    assert report.stopped == "The audit log cannot be written"
    assert not (report.is_complete or report.is_state_lost)
    assert machine.saved[-1].managed.journal
    assert machine.saved[-1].managed.gpus
    state, decisions = recover(machine.saved[-1], machine.observe())
    assert "was written, 700 W to 600 W" in decisions[0].sentence
    assert [item.baseline for gpu in state.managed.gpus.values() for item in gpu.settings.values()] == [700.0]


@pytest.mark.parametrize(
    ("shown", "managed", "said"),
    [(600.0, True, "was written"), (700.0, False, "was not written"), (650.0, True, "is 650 W now")],
)
def test_an_interrupted_write_is_decided_by_reading_again(shown, managed, said):
    machine = FakeMachine()
    machine.plan_and_apply(CAPPED)
    interrupted = machine.saved[0]
    machine.set_setting("power_limit_watts", shown)
    state, decisions = recover(interrupted, machine.observe())
    assert bool(state.managed.gpus) is managed
    assert not state.managed.journal
    assert said in decisions[0].sentence


def test_an_accepted_but_unreadable_setting_is_reported_as_such():
    machine = FakeMachine()
    report = machine.plan_and_apply(a_profile(settings={"graphics_clock_mhz": 1200.0}))
    assert report.is_complete
    assert not report.steps[0].is_readable


def test_a_plan_of_nothing_but_a_forgotten_record_has_its_operation():
    machine = FakeMachine()
    machine.plan_and_apply(CAPPED)
    machine.set_setting("power_limit_watts", 700.0)
    assert machine.plan(a_profile()).changes[0].actions == (Operation.FORGET,)


LOCKED = a_profile(settings={"graphics_clock_mhz": 1200.0})


def interrupted(machine, profile):
    """The machine as it is when esnode was killed between the journal entry and the end of the write."""
    machine.apply(machine.plan(profile))
    machine.state = machine.saved[-2]
    assert machine.state.managed.journal
    machine.state, decisions = recover(machine.state, machine.observe())
    assert not machine.state.managed.journal
    return [decision.sentence for decision in decisions]


def test_a_lock_whose_setting_was_interrupted_is_set_again_because_no_driver_can_tell():
    machine = FakeMachine()
    assert "no driver can tell, so it is planned again" in interrupted(machine, LOCKED)[0]
    again = machine.plan(LOCKED)
    assert dict(again.changes[0].after) == {"graphics_clock_mhz": ClockRange(min=1200, max=1200)}
    assert machine.apply(again).is_complete
    assert not machine.plan(LOCKED).changes


def test_a_lock_whose_reset_was_interrupted_is_still_managed_and_reset_again():
    machine = FakeMachine()
    machine.plan_and_apply(LOCKED)
    interrupted(machine, a_profile())
    again = machine.plan(a_profile())
    assert (dict(again.changes[0].after), again.changes[0].forget) == (
        {"graphics_clock_mhz": None},
        ("graphics_clock_mhz",),
    )
    assert machine.apply(again).is_complete
    assert not machine.state.managed.gpus


def test_a_give_back_that_somebody_crossed_keeps_the_baseline():
    machine = FakeMachine()
    machine.plan_and_apply(CAPPED)
    machine.apply(machine.plan(a_profile()))
    crossed = machine.saved[-2]
    machine.set_setting("power_limit_watts", 650.0)
    state, decisions = recover(crossed, machine.observe())
    assert "is 650 W now" in decisions[0].sentence
    (record,) = state.managed.gpus.values()
    assert record.settings["power_limit_watts"].baseline == 700.0


def test_an_interrupted_run_counts_what_is_done_and_what_is_half_done():
    machine = FakeMachine(a_gpu(0), a_gpu(1, settings={"compute_mode": "prohibited"}))
    profile = a_profile(settings={"power_limit_watts": 600.0, "compute_mode": "prohibited"})
    machine.stop_after = 2
    report = machine.plan_and_apply(profile)
    assert [report.results[change.address] for change in report.changes] == [Result.FAILED, Result.APPLIED]
    assert report.stopped == "interrupted"
