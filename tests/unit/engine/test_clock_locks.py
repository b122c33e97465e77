"""Clock locks, which no driver lets anybody read: drifted, consistent or unverifiable, and never more than that."""

import pytest

from esnode.engine.locks import judge_locks
from esnode.engine.sessions import settle
from esnode.model.hardware import Clocks, Session
from esnode.model.metrics import THROTTLE_REASONS
from esnode.model.plan import Cause, LockStatus
from esnode.model.readings import UNSUPPORTED
from esnode.model.settings import ClockRange
from esnode.model.state import ManagedGpu, ManagedSetting, Observed, Owner
from esnode.records import replace
from tests.builders import SESSION, a_gpu, a_moment, a_profile, an_observation
from tests.unit.engine.machine import FakeMachine

CAP = ClockRange(min=345, max=1200)
FLOOR = ClockRange(min=1380, max=1980)
NO_REASON = {f"throttle_reason_{name}": 0.0 for name in THROTTLE_REASONS}
LOCKED = a_profile(settings={"graphics_clock_mhz": ClockRange(min=345, max=1200)})
UNLOCKED = a_profile()


def showing(sm, *, busy=99.0, state=0, memory=2619, idle=345, **reasons):
    metrics = {**NO_REASON, "gpu_sm_clock_mhz": sm, "gpu_utilization": busy}
    metrics |= {f"throttle_reason_{name}": value for name, value in reasons.items()}
    clocks = Clocks(performance_state=state, memory_mhz=memory, idle_sm_mhz=idle, idle_memory_mhz=memory)
    return a_gpu(metrics=metrics, clocks=clocks)


def judged(lock, gpu, *, name="graphics_clock_mhz", age=60.0, session=SESSION):
    managed = ManagedSetting(
        baseline=UNSUPPORTED,
        applied=lock,
        owner=Owner(profile="p", policy="settings", user="ada"),
        applied_at=a_moment(),
        session=session,
    )
    record = ManagedGpu(identity=gpu.identity, settings={name: managed})
    return judge_locks(gpu, record, a_moment(age))[0].status


@pytest.mark.parametrize(("sm", "status"), [(1216.0, LockStatus.DRIFTED), (1215.0, LockStatus.CONSISTENT)])
def test_a_clock_more_than_one_step_above_the_lock_proves_that_it_is_gone(sm, status):
    assert judged(CAP, showing(sm)) is status


def test_an_idle_gpu_above_the_lock_proves_it_too():
    assert judged(CAP, showing(1980.0, busy=0.0, state=8)) is LockStatus.DRIFTED


def test_in_p0_a_clock_below_the_lock_without_a_reason_proves_that_it_is_gone():
    assert judged(FLOOR, showing(345.0, busy=0.0)) is LockStatus.DRIFTED
    assert judged(FLOOR, showing(1365.0)) is not LockStatus.DRIFTED


@pytest.mark.parametrize(
    "reason", ["sw_power_cap", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown", "sync_boost"]
)
def test_power_heat_brake_and_sync_may_bring_a_clock_below_its_lock(reason):
    assert judged(FLOOR, showing(1100.0, **{reason: 1.0})) is LockStatus.UNVERIFIABLE


def test_a_reason_that_cannot_be_read_is_not_taken_for_none():
    assert judged(FLOOR, showing(1100.0, sw_power_cap=UNSUPPORTED)) is LockStatus.UNVERIFIABLE


@pytest.mark.parametrize("state", [2, 8, UNSUPPORTED])
def test_below_the_lock_outside_of_p0_nothing_is_proved(state):
    assert judged(FLOOR, showing(345.0, busy=0.0, state=state)) is LockStatus.UNVERIFIABLE


def test_an_idle_gpu_that_is_held_up_speaks_for_its_lock():
    assert judged(FLOOR, showing(1380.0, busy=0.0)) is LockStatus.CONSISTENT


def test_without_knowing_where_the_board_rests_nothing_speaks_for_it():
    assert judged(FLOOR, showing(1380.0, busy=0.0, idle=UNSUPPORTED)) is LockStatus.UNVERIFIABLE


def test_a_board_that_rests_at_a_high_clock_is_judged_by_its_own():
    assert judged(FLOOR, showing(1590.0, busy=0.0, idle=1590)) is LockStatus.UNVERIFIABLE


def test_a_cap_on_an_idle_gpu_cannot_be_verified():
    assert judged(CAP, showing(345.0, busy=0.0, state=8)) is LockStatus.UNVERIFIABLE


def test_a_busy_gpu_at_its_cap_speaks_for_the_lock_and_one_below_it_does_not():
    assert judged(CAP, showing(1200.0)) is LockStatus.CONSISTENT
    assert judged(CAP, showing(900.0)) is LockStatus.UNVERIFIABLE
    assert judged(CAP, showing(1200.0, sw_power_cap=1.0)) is LockStatus.UNVERIFIABLE


def test_nothing_is_judged_within_two_seconds_of_a_write():
    assert judged(CAP, showing(1980.0), age=1.9) is LockStatus.UNVERIFIABLE
    assert judged(CAP, showing(1980.0), age=2.0) is LockStatus.DRIFTED


def test_a_lock_of_another_session_is_presumed_lost():
    assert judged(CAP, showing(1200.0), session=Session(boot_id="boot-0")) is LockStatus.DRIFTED


@pytest.mark.parametrize(
    ("memory", "status"),
    [(1593, LockStatus.CONSISTENT), (1591, LockStatus.CONSISTENT), (2618, LockStatus.DRIFTED)],
)
def test_memory_clocks_read_a_little_under_their_table(memory, status):
    lock = ClockRange(min=1593, max=1593)
    assert judged(lock, showing(1980.0, memory=memory), name="memory_clock_mhz") is status


def test_a_sensor_that_does_not_answer_makes_a_lock_unverifiable():
    assert judged(CAP, showing(UNSUPPORTED)) is LockStatus.UNVERIFIABLE


def a_locked_machine(gpu):
    machine = FakeMachine(gpu)
    machine.plan_and_apply(LOCKED)
    machine.pass_time(10)
    return machine


def test_a_drifted_lock_is_planned_again():
    machine = a_locked_machine(showing(1980.0))
    plan = machine.plan(LOCKED)
    assert plan.changes[0].reason is Cause.DRIFT
    assert plan.changes[0].before == plan.changes[0].after == {"graphics_clock_mhz": CAP}
    assert "above the lock's 1200 MHz" in plan.changes[0].because["graphics_clock_mhz"].reason
    assert machine.apply(plan).is_complete
    assert len(machine.written) == 2


def test_an_unverifiable_lock_is_a_note_and_no_change():
    plan = a_locked_machine(showing(345.0, busy=0.0)).plan(LOCKED)
    assert not plan.changes
    assert not plan.drift
    assert "The graphics clock lock of GPU-0 (345-1200 MHz) cannot be verified" in plan.notes[0]


def test_reassert_writes_it_again_and_apply_takes_that():
    machine = a_locked_machine(showing(345.0, busy=0.0))
    plan = machine.plan(LOCKED, reassert=True)
    assert plan.changes[0].reason is Cause.REASSERT
    assert machine.apply(plan).is_complete
    assert machine.written[-1] == (0, "graphics_clock_mhz", CAP)


def test_reassert_leaves_a_lock_alone_that_the_clocks_speak_for():
    assert not a_locked_machine(showing(1200.0)).plan(LOCKED, reassert=True).changes


def test_after_a_driver_restart_the_lock_is_applied_again():
    machine = a_locked_machine(showing(1200.0))
    uuid, gpu = next(iter(machine.gpus.items()))
    machine.gpus[uuid] = replace(gpu, energy_joules=1.0)
    plan = machine.plan(LOCKED)
    assert plan.changes[0].before == {"graphics_clock_mhz": None}
    assert "driver was restarted (new session)" in plan.changes[0].because["graphics_clock_mhz"].reason
    assert machine.apply(plan).is_complete
    assert not machine.plan(LOCKED).changes


def test_where_a_gpu_rests_is_learned_while_it_is_idle_and_free():
    idle = showing(345.0, busy=0.0, idle=UNSUPPORTED, gpu_idle=1.0)
    seen = settle(an_observation(idle), None, locked=())
    assert seen.gpus[0].clocks.idle_sm_mhz == 345
    busy = settle(an_observation(showing(1980.0, idle=UNSUPPORTED)), Observed(observation=seen), locked=())
    assert busy.gpus[0].clocks.idle_sm_mhz == 345


@pytest.mark.parametrize("reasons", [{"gpu_idle": 0.0}, {"gpu_idle": UNSUPPORTED}])
def test_it_is_not_learned_where_the_driver_does_not_call_the_gpu_idle(reasons):
    held = showing(1200.0, busy=0.0, idle=UNSUPPORTED, **reasons)
    assert settle(an_observation(held), None, locked=()).gpus[0].clocks.idle_sm_mhz == UNSUPPORTED


def test_it_is_not_learned_from_a_gpu_that_esnode_locks():
    idle = showing(345.0, busy=0.0, idle=UNSUPPORTED, gpu_idle=1.0)
    locked = {idle.identity.uuid}
    assert settle(an_observation(idle), None, locked=locked).gpus[0].clocks.idle_sm_mhz == UNSUPPORTED
