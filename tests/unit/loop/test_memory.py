"""What a loop remembers between two cycles."""

from __future__ import annotations

from esnode.loop.memory import REASSERT_EVERY, STORE_EVERY, Memory
from esnode.model.events import EventKind, GpuEvent
from esnode.model.hardware import Session
from esnode.model.readings import Missing
from tests.builders import BOOT, a_gpu, a_moment, a_policy, a_profile, a_state, an_observation, planned, uuid_of

XID_79 = GpuEvent(uuid=uuid_of(0), kind=EventKind.XID, code=79)


def xid_of(memory, gpu=None):
    return memory.with_xids(an_observation(gpu or a_gpu(0))).gpus[0].metric("xid_error")


def test_an_xid_is_the_metric_of_its_gpu_until_the_driver_starts_anew():
    memory = Memory(listens=True)
    assert xid_of(memory) == 0
    memory.hear([XID_79, GpuEvent(uuid=uuid_of(0), kind=EventKind.CLOCK)])
    memory.forget_old_xids(an_observation(a_gpu(0)))
    assert (xid_of(memory), xid_of(memory, a_gpu(1))) == (79, 0)
    memory.forget_old_xids(an_observation(a_gpu(0, session=Session(boot_id=BOOT, epoch=1))))
    assert xid_of(memory) == 0


def test_without_events_nobody_knows_of_xids():
    found = xid_of(Memory(listens=False))
    assert isinstance(found, Missing)
    assert "tells of no events" in found.in_words()


def test_the_loop_knows_newer_clocks_than_the_file_and_stores_them_when_it_is_worth_it():
    memory, state, profile = Memory(), a_state(), a_profile(a_policy(duration="5m"))
    seen = an_observation(a_gpu(metrics={"gpu_temp_celsius": 60.0}))
    first = planned(profile, seen, state)
    memory.keep(state, seen, dict(first.clocks))
    assert memory.is_to_be_stored(first.plan, a_moment(0))
    memory.was_stored(first.plan, a_moment(0))
    assert not memory.is_to_be_stored(first.plan, a_moment(STORE_EVERY - 1))
    assert memory.is_to_be_stored(first.plan, a_moment(STORE_EVERY))
    hot = an_observation(a_gpu(metrics={"gpu_temp_celsius": 90.0}), at=5)
    pending = planned(profile, hot, memory.over(state))
    assert memory.is_to_be_stored(pending.plan, a_moment(5))
    memory.keep(state, hot, dict(pending.clocks))
    assert memory.observed
    (clock,) = memory.observed.clocks.values()
    assert clock.true_since == a_moment(5)


def test_a_clock_that_was_set_back_does_not_make_old_readings_newer():
    memory, state, profile = Memory(), a_state(), a_profile(a_policy())
    before = an_observation(a_gpu(metrics={"gpu_temp_celsius": 60.0}), at=100)
    memory.keep(state, before, dict(planned(profile, before, state).clocks))
    later = a_moment(105)
    set_back = type(later)(at=a_moment(-3600).at, uptime=later.uptime, boot_id=later.boot_id)
    after = an_observation(a_gpu(metrics={"gpu_temp_celsius": 70.0}), taken_at=set_back)
    memory.keep(state, after, {})
    assert memory.observed
    assert memory.observed.observation.gpus[0].metric("gpu_temp_celsius") == 70.0


def test_locks_that_nobody_can_verify_are_written_again_every_ten_minutes_at_most():
    memory = Memory()
    assert memory.is_time_to_reassert(a_moment(0))
    memory.reasserted_at = a_moment(0)
    assert not memory.is_time_to_reassert(a_moment(REASSERT_EVERY - 1))
    assert memory.is_time_to_reassert(a_moment(REASSERT_EVERY))
