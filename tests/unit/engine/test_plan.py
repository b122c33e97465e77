"""Plans: the base layer, the whole truth, drift, and that apply leaves nothing behind."""

import pytest

from esnode.errors import ProfilesDisagree
from esnode.model.hardware import UnidentifiedGpu
from esnode.model.plan import Cause, DriftCause, Mode, Operation
from esnode.model.profile import Selector
from esnode.model.readings import Missing, MissingReason
from esnode.model.settings import ClockRange, Percent
from esnode.records import replace
from esnode.storage.profiles.read import read_profiles
from esnode.views.plan_text import plan_text
from esnode.views.text import Paint
from tests.builders import a_gpu, a_policy, a_profile, an_observation, plan_of
from tests.unit.engine.machine import FakeMachine, changed_gpus

CAPPED = a_profile(settings={"power_limit_watts": 600.0})


def summaries(plan):
    return [diagnostic.summary for diagnostic in plan.diagnostics]


@pytest.mark.parametrize(
    ("wanted", "after", "note"),
    [
        (600.0, 600.0, ""),
        (Percent(percent=80), 560.0, ""),
        (900.0, 700.0, "above this board's maximum"),
        (Percent(percent=10), 200.0, "below this board's minimum"),
    ],
)
def test_a_power_limit_is_rounded_to_what_the_board_can_do(wanted, after, note):
    profile = a_profile(settings={"power_limit_watts": wanted})
    plan = plan_of(profile, an_observation(a_gpu(settings={"power_limit_watts": 500.0})))
    assert plan.changes[0].after == {"power_limit_watts": after}
    assert any(note in summary for summary in summaries(plan)) is bool(note)


def test_clock_ranges_snap_to_the_table_at_plan_time():
    profile = a_profile(settings={"graphics_clock_mhz": ClockRange(min=1000, max=1801)})
    plan = plan_of(profile, an_observation())
    assert plan.changes[0].after == {"graphics_clock_mhz": ClockRange(min=1005, max=1800)}


def test_what_is_already_so_is_no_change_and_stays_unmanaged():
    machine = FakeMachine(a_gpu(settings={"power_limit_watts": 600.0}))
    assert not machine.plan(CAPPED).changes
    assert not machine.state.managed.gpus


def test_a_plan_that_is_applied_leaves_no_changes():
    machine = FakeMachine(*(a_gpu(index) for index in range(8)))
    assert machine.plan_and_apply(CAPPED).is_complete
    assert not machine.plan(CAPPED).changes


def test_the_baseline_is_what_was_there_before_the_first_write():
    machine = FakeMachine(a_gpu(settings={"power_limit_watts": 650.0}))
    machine.plan_and_apply(CAPPED)
    machine.plan_and_apply(a_profile(settings={"power_limit_watts": 500.0}))
    record = next(iter(machine.state.managed.gpus.values()))
    assert record.settings["power_limit_watts"].baseline == 650.0


def test_a_setting_that_left_the_profile_goes_back_to_its_baseline():
    machine = FakeMachine(a_gpu(settings={"power_limit_watts": 650.0}))
    machine.plan_and_apply(CAPPED)
    plan = machine.plan(a_profile())
    assert plan.changes[0].after == {"power_limit_watts": 650.0}
    assert plan.changes[0].reason is Cause.SETTING_REMOVED
    machine.apply(plan)
    assert not machine.state.managed.gpus


def test_a_profile_that_was_not_given_is_planned_back_with_a_warning():
    machine = FakeMachine()
    machine.plan_and_apply(CAPPED)
    plan = machine.plan(a_profile(name="other"))
    assert plan.changes[0].reason is Cause.PROFILE_REMOVED
    assert "Profile train was applied before and is not given now" in summaries(plan)


def test_a_gpu_that_is_no_longer_selected_is_given_back():
    machine = FakeMachine()
    machine.plan_and_apply(CAPPED)
    elsewhere = a_profile(settings=CAPPED.settings, selector=Selector(tags={"gpu_model": ("A100",)}))
    plan = machine.plan(elsewhere)
    assert plan.changes[0].reason is Cause.NOT_SELECTED
    assert "Profile train no longer selects GPU-0" in summaries(plan)


def test_two_profiles_that_disagree_are_an_error_that_names_both():
    other = a_profile(name="other", settings={"power_limit_watts": 500.0})
    with pytest.raises(ProfilesDisagree) as refused:
        plan_of([CAPPED, other], an_observation())
    assert "train wants 600 W, other wants 500 W" in refused.value.detail


def test_a_hold_is_lower_than_the_base_and_names_what_it_overrules():
    profile = a_profile(a_policy(condition="> 50"), settings={"power_limit_watts": 600.0})
    because = plan_of(profile, an_observation()).changes[0].because["power_limit_watts"]
    assert because.policy == "thermal-safety"
    assert because.overruled == ("train/settings (600 W)",)


def test_drift_is_found_named_and_corrected():
    machine = FakeMachine()
    machine.plan_and_apply(CAPPED)
    machine.set_setting("power_limit_watts", 680.0)
    plan = machine.plan(CAPPED)
    assert [(drift.before, drift.after, drift.cause) for drift in plan.drift] == [
        ({"power_limit_watts": 600.0}, {"power_limit_watts": 680.0}, DriftCause.EXTERNAL)
    ]
    assert plan.changes[0].reason is Cause.DRIFT
    machine.apply(plan)
    assert machine.setting("power_limit_watts") == 600.0


def test_somebody_else_set_what_is_now_wanted_so_only_the_record_changes():
    machine = FakeMachine()
    machine.plan_and_apply(CAPPED)
    machine.set_setting("power_limit_watts", 500.0)
    lower = a_profile(settings={"power_limit_watts": 500.0})
    plan = machine.plan(lower)
    assert plan.changes[0].reason is Cause.ACCEPT_DRIFT
    written = list(machine.written)
    assert machine.apply(plan).is_complete
    assert machine.written == written
    assert not machine.plan(lower).changes
    assert not machine.plan(lower).drift


def test_destroy_gives_everything_back_persistence_last():
    machine = FakeMachine(a_gpu(settings={"persistence_mode": False}))
    profile = a_profile(settings={"persistence_mode": True, "power_limit_watts": 600.0, "graphics_clock_mhz": 1200.0})
    machine.plan_and_apply(profile)
    assert next(name for _, name, _ in machine.written) == "persistence_mode"
    machine.written.clear()
    machine.plan_and_apply([], mode=Mode.DESTROY)
    assert [name for _, name, _ in machine.written] == ["power_limit_watts", "graphics_clock_mhz", "persistence_mode"]
    assert machine.setting("power_limit_watts") == 700.0
    assert not machine.state.managed.gpus


def test_giving_back_what_is_at_its_baseline_only_forgets():
    machine = FakeMachine()
    machine.plan_and_apply(CAPPED)
    machine.set_setting("power_limit_watts", 700.0)
    plan = machine.plan([], mode=Mode.DESTROY)
    assert plan.changes[0].actions == (Operation.FORGET,)
    written = len(machine.written)
    machine.apply(plan)
    assert len(machine.written) == written
    assert not machine.state.managed.gpus


def test_a_lost_gpu_keeps_its_record_and_the_others_are_planned():
    machine = FakeMachine(a_gpu(0), a_gpu(1))
    machine.plan_and_apply(CAPPED)
    lost = Missing(missing=MissingReason.GPU_LOST)
    uuid = next(iter(machine.gpus))
    machine.gpus[uuid] = a_gpu(0, failure=lost, settings={}, metrics={})
    machine.set_setting("power_limit_watts", 680.0, index=1)
    plan = machine.plan(CAPPED)
    assert changed_gpus(plan) == [1]
    assert not plan.complete
    assert uuid in machine.state.managed.gpus


def test_a_gpu_that_the_driver_no_longer_lists_is_unreachable_not_gone():
    machine = FakeMachine(a_gpu(0), a_gpu(1))
    machine.plan_and_apply(CAPPED)
    del machine.gpus[next(iter(machine.gpus))]
    plan = machine.plan(CAPPED)
    assert plan.gpus[0].failure is not None
    assert not plan.changes
    assert len(machine.state.managed.gpus) == 2


def test_a_gpu_that_nobody_has_ever_identified_is_warned_about():
    silent = Missing(missing=MissingReason.UNREACHABLE, detail="no answer")
    unknown = tuple(UnidentifiedGpu(index=index, failure=silent) for index in (1, 2))
    seen = replace(an_observation(a_gpu(0)), unidentified=unknown)
    plan = plan_of(CAPPED, seen)
    assert not plan.complete
    assert "GPU-1, GPU-2 could not be read: no answer in time (no answer)" in summaries(plan)


def test_of_hardware_that_could_not_be_read_nothing_is_claimed():
    silent = Missing(missing=MissingReason.UNREACHABLE, detail="no answer")
    seen = replace(an_observation(), gpus=(), unidentified=(UnidentifiedGpu(index=0, failure=silent),))
    text = plan_text(plan_of(CAPPED, seen), Paint())
    assert "No GPU could be read." in text
    assert "No changes. Nothing is known of the hardware." in text


def test_a_setting_that_cannot_be_read_is_left_alone():
    unread = Missing(missing=MissingReason.NOT_PERMITTED)
    plan = plan_of(CAPPED, an_observation(a_gpu(settings={"power_limit_watts": unread})))
    assert not plan.changes
    assert not plan.complete
    assert "The power limit of GPU-0 could not be read: not permitted" in summaries(plan)


def test_a_limit_without_persistence_mode_is_warned_about():
    plan = plan_of(CAPPED, an_observation(a_gpu(settings={"persistence_mode": False})))
    assert "Persistence mode of GPU-0 is off" in summaries(plan)


def test_targets_leave_the_other_changes_out():
    observation = an_observation(a_gpu(0), a_gpu(1))
    address = f'gpu["{observation.gpus[1].identity.uuid}"]'
    plan = plan_of(CAPPED, observation, targets=(address,))
    assert [change.address for change in plan.changes] == [address]
    assert "Resource targeting is in effect" in summaries(plan)


def test_a_warning_about_a_policy_has_its_place_in_the_profile(tmp_path):
    path = tmp_path / "train.es"
    path.write_text(
        "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: train, version: '1'}\npolicies:\n"
        "  - name: fell\n    target: xid_error\n    condition: '= 79'\n"
        "    action: {type: alert, parameters: {channel: nobody}}\n"
    )
    plan = plan_of(read_profiles([str(path)]), an_observation())
    (unknown,) = [item for item in plan.diagnostics if "is UNKNOWN" in item.summary]
    assert unknown.range
    assert (unknown.range.line, unknown.range.source.strip()) == (6, "target: xid_error")
