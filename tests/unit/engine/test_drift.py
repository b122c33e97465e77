"""Drift: named with its cause as far as the evidence goes, and with who had applied what is gone."""

import pytest

from esnode.model.hardware import Limits, Session
from esnode.model.plan import Cause, DriftCause
from esnode.model.readings import Missing, MissingReason
from esnode.records import replace
from tests.builders import a_gpu, a_profile
from tests.unit.engine.machine import FakeMachine

ALL = {"persistence_mode": True, "power_limit_watts": 600.0, "compute_mode": "exclusive_process"}
CAPPED = a_profile(settings={"power_limit_watts": 600.0})


def a_machine(settings, *gpus):
    """One on which `settings` were applied."""
    machine = FakeMachine(*gpus or (a_gpu(settings={"persistence_mode": settings.get("persistence_mode") is None}),))
    machine.plan_and_apply(a_profile(settings=settings))
    machine.pass_time(60)
    machine.plan(a_profile(settings=settings))
    return machine


def change_gpu(machine, index=0, **members):
    uuid, gpu = list(machine.gpus.items())[index]
    machine.gpus[uuid] = replace(gpu, **members)


def restart_driver(machine, **members):
    """Everything volatile is at its default, and energy counts from 0."""
    defaults = {"persistence_mode": False, "power_limit_watts": 700.0, "compute_mode": "default"}
    for name, value in defaults.items():
        machine.set_setting(name, value)
    change_gpu(machine, energy_joules=1.0, **members)


def causes(plan):
    return {name: drift.cause for drift in plan.drift for name in drift.before}


def test_one_setting_that_changed_was_written_by_another_program():
    machine = a_machine(ALL)
    machine.set_setting("power_limit_watts", 680.0)
    assert causes(machine.plan(a_profile(settings=ALL))) == {"power_limit_watts": DriftCause.EXTERNAL}


def test_one_setting_back_at_its_default_in_the_same_session_was_written_too():
    machine = a_machine(ALL)
    machine.set_setting("power_limit_watts", 700.0)
    (drift,) = machine.plan(a_profile(settings=ALL)).drift
    assert drift.cause is DriftCause.EXTERNAL
    assert "another program set it to its default" in drift.evidence


def test_it_names_who_had_applied_it_and_when():
    machine = a_machine(ALL)
    machine.set_setting("power_limit_watts", 680.0)
    applied = machine.plan(a_profile(settings=ALL)).drift[0].applied["power_limit_watts"]
    assert (str(applied), applied.user, applied.at.isoformat()) == (
        "train/settings",
        "ada",
        "2026-01-01T12:00:00+00:00",
    )


def test_several_at_default_after_the_energy_counter_went_back_are_a_reload():
    machine = a_machine(ALL)
    restart_driver(machine)
    plan = machine.plan(a_profile(settings=ALL))
    assert set(causes(plan).values()) == {DriftCause.RELOAD}
    assert len(causes(plan)) == 3
    assert "the energy counter" in plan.drift[0].evidence
    assert plan.changes[0].reason is Cause.DRIFT
    assert "the driver was restarted (new session)" in plan.changes[0].because["power_limit_watts"].reason.lower()


def test_a_boot_is_named_as_one():
    machine = a_machine(ALL)
    restart_driver(machine, session=Session(boot_id="boot-2"))
    assert machine.plan(a_profile(settings=ALL)).drift[0].evidence == "The machine was booted since (new session)."


def test_a_reload_that_the_energy_counter_does_not_show_has_its_signature():
    machine = a_machine(ALL)
    restart_driver(machine)
    change_gpu(machine, energy_joules=5000.0)
    plan = machine.plan(a_profile(settings=ALL))
    assert set(causes(plan).values()) == {DriftCause.RELOAD}


def test_persistence_mode_turned_off_takes_the_limit_along_and_is_no_reload():
    settings = {"persistence_mode": True, "power_limit_watts": 600.0}
    machine = a_machine(settings)
    machine.set_setting("persistence_mode", False)
    machine.set_setting("power_limit_watts", 700.0)
    found = causes(machine.plan(a_profile(settings=settings)))
    assert found == {"persistence_mode": DriftCause.EXTERNAL, "power_limit_watts": DriftCause.NOT_PERSISTENT}


def test_another_value_after_a_reload_was_written_by_somebody():
    machine = a_machine(ALL)
    restart_driver(machine)
    machine.set_setting("power_limit_watts", 500.0)
    found = causes(machine.plan(a_profile(settings=ALL)))
    assert found["power_limit_watts"] is DriftCause.EXTERNAL
    assert found["compute_mode"] is DriftCause.RELOAD


def test_a_limit_at_default_without_persistence_mode_went_with_the_last_client():
    machine = a_machine({"power_limit_watts": 600.0}, a_gpu(settings={"persistence_mode": False}))
    machine.set_setting("power_limit_watts", 700.0)
    plan = machine.plan(CAPPED)
    assert causes(plan) == {"power_limit_watts": DriftCause.NOT_PERSISTENT}
    assert "persistence mode is off" in plan.changes[0].because["power_limit_watts"].reason


def test_a_value_that_the_board_no_longer_takes_is_clamped_and_not_fought():
    machine = a_machine({"power_limit_watts": 600.0})
    change_gpu(machine, limits=replace(machine.observe().gpus[0].limits, power_max_watts=550.0))
    machine.set_setting("power_limit_watts", 550.0)
    plan = machine.plan(CAPPED)
    assert causes(plan) == {"power_limit_watts": DriftCause.CLAMPED}
    assert plan.changes[0].reason is Cause.ACCEPT_DRIFT


def test_a_lower_enforced_limit_is_a_note_and_no_drift():
    machine = a_machine({"power_limit_watts": 600.0})
    change_gpu(machine, limits=replace(machine.observe().gpus[0].limits, power_enforced_watts=500.0))
    plan = machine.plan(CAPPED)
    assert not plan.drift
    assert not plan.changes
    assert plan.notes[0].startswith("The power limit of GPU-0 is limited elsewhere: 500 W are enforced, 600 W are")


def test_a_limit_that_nobody_manages_is_not_talked_about():
    machine = FakeMachine(a_gpu(limits=Limits(power_enforced_watts=300.0)))
    assert not machine.plan(a_profile()).notes


@pytest.mark.parametrize(
    ("bus", "cause"), [("00000000:00", DriftCause.GPU_REPLACED), ("00000009:00", DriftCause.UNREADABLE)]
)
def test_another_gpu_in_the_place_of_a_managed_one_replaced_it(bus, cause):
    machine = a_machine({"power_limit_watts": 600.0})
    machine.gpus.clear()
    successor = a_gpu(5)
    machine.gpus["new"] = replace(successor, identity=replace(successor.identity, index=0, pci_bus_id=bus))
    plan = machine.plan(CAPPED)
    assert causes(plan) == {"power_limit_watts": cause}


def test_a_gpu_that_dropped_out_is_unreadable_although_the_next_one_has_its_index():
    machine = a_machine({"power_limit_watts": 600.0}, a_gpu(0), a_gpu(1))
    first, second = machine.gpus.values()
    del machine.gpus[first.identity.uuid]
    change_gpu(machine, identity=replace(second.identity, index=0))
    (drift,) = machine.plan(CAPPED).drift
    assert drift.cause is DriftCause.UNREADABLE
    assert "no longer lists it" in drift.evidence


def test_a_managed_gpu_that_no_observation_remembers_is_unreadable_and_not_nothing():
    machine = a_machine({"power_limit_watts": 600.0}, a_gpu(0), a_gpu(1))
    del machine.gpus[next(iter(machine.gpus))]
    machine.state = replace(machine.state, observed=None)
    plan = machine.plan(CAPPED)
    assert causes(plan) == {"power_limit_watts": DriftCause.UNREADABLE}
    assert (plan.changes, plan.complete) == ((), False)


def test_a_setting_that_cannot_be_read_is_drift_and_makes_the_plan_incomplete():
    machine = a_machine({"power_limit_watts": 600.0})
    machine.set_setting("power_limit_watts", Missing(missing=MissingReason.UNREACHABLE))
    plan = machine.plan(CAPPED)
    assert causes(plan) == {"power_limit_watts": DriftCause.UNREADABLE}
    assert not plan.complete


def test_a_drifted_setting_is_corrected_to_what_is_wanted_now():
    machine = a_machine({"power_limit_watts": 600.0})
    machine.set_setting("power_limit_watts", 680.0)
    machine.plan_and_apply(CAPPED)
    assert machine.setting("power_limit_watts") == 600.0
    assert not machine.plan(CAPPED).drift
