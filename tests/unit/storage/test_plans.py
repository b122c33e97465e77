"""The plan file: sealed, deterministic, and what was written is what is read."""

import json
from datetime import timedelta

import pytest

from esnode import wire
from esnode.errors import PlanTampered, PlanUnreadable
from esnode.model.plan import Mode
from esnode.records import replace
from esnode.storage.plans import decision_digest, plan_bytes, plan_document, read_plan, write_plan
from esnode.storage.profiles.read import read_profiles
from tests.builders import a_gpu, a_profile, an_observation, plan_of
from tests.places import EXAMPLES, SPECIFICATION_PROFILE
from tests.unit.engine.machine import FakeMachine

CAP = read_profiles([str(EXAMPLES / "profiles" / "power-cap.es")])


def a_plan(**options):
    return plan_of(CAP, an_observation(a_gpu(0), a_gpu(1)), **options)


def test_a_plan_survives_its_file(tmp_path):
    plan = a_plan()
    write_plan(plan, tmp_path / "plan.json")
    again, digest = read_plan(tmp_path / "plan.json")
    assert again == plan
    assert digest == decision_digest(plan)


def test_the_specifications_profile_survives_too(tmp_path):
    plan = plan_of(read_profiles([str(SPECIFICATION_PROFILE)]), an_observation())
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json")[0] == plan


def test_drift_locks_and_notes_survive_their_file(tmp_path):
    machine = FakeMachine()
    locked = a_profile(settings={"power_limit_watts": 600.0, "graphics_clock_mhz": 1200.0})
    machine.plan_and_apply(locked)
    machine.set_setting("power_limit_watts", 680.0)
    plan = machine.plan([], mode=Mode.CORRECT)
    assert plan.drift[0].applied
    assert plan.locks
    assert plan.notes
    write_plan(plan, tmp_path / "plan.json")
    again, _ = read_plan(tmp_path / "plan.json")
    assert (again.drift, again.locks, again.notes) == (plan.drift, plan.locks, plan.notes)
    assert again.changes == plan.changes


def test_a_plan_without_the_later_members_is_still_read(tmp_path):
    document = plan_document(a_plan())
    for name in ("clock_locks", "notes", "terraform_version", "checksum"):
        del document[name]
    (tmp_path / "plan.json").write_bytes(wire.canonical(document | {"checksum": wire.digest(document)}))
    assert read_plan(tmp_path / "plan.json")[0].locks == ()


def test_what_is_forgotten_is_null_afterwards_and_survives_its_file(tmp_path):
    machine = FakeMachine()
    machine.plan_and_apply(a_profile(settings={"power_limit_watts": 600.0}))
    machine.set_setting("power_limit_watts", 700.0)
    plan = machine.plan([], mode=Mode.DESTROY)
    document = plan_document(plan)
    assert document["resource_changes"][0]["change"]["actions"] == ["forget"]
    assert document["resource_changes"][0]["change"]["after"] is None
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json")[0] == plan


def test_planned_values_are_what_is_managed_afterwards():
    machine = FakeMachine(a_gpu(0), a_gpu(1))
    machine.plan_and_apply(a_profile(settings={"power_limit_watts": 600.0}))
    machine.set_setting("power_limit_watts", 700.0)
    document = plan_document(machine.plan([], mode=Mode.DESTROY))
    planned = document["planned_values"]["root_module"]["resources"]
    assert [change["change"]["actions"] for change in document["resource_changes"]] == [["forget"], ["update"]]
    assert [entry["address"] for entry in planned] == [document["resource_changes"][1]["address"]]


def test_a_plan_is_private(tmp_path):
    write_plan(a_plan(), tmp_path / "plan.json")
    assert (tmp_path / "plan.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("position", range(0, 100, 7))
def test_one_changed_byte_is_noticed(tmp_path, position):
    data = bytearray(plan_bytes(a_plan()))
    place = position * len(data) // 100
    data[place] = ord("1") if data[place] != ord("1") else ord("2")
    (tmp_path / "plan.json").write_bytes(data)
    with pytest.raises((PlanTampered, PlanUnreadable)):
        read_plan(tmp_path / "plan.json")


def test_the_digest_names_the_decision_and_not_the_readings():
    one = a_plan()
    later = plan_of(CAP, an_observation(a_gpu(0, metrics={"gpu_temp_celsius": 50.0}), a_gpu(1), at=600))
    assert decision_digest(one) == decision_digest(later)
    assert plan_bytes(one) != plan_bytes(later)
    fewer = plan_of(CAP, an_observation(a_gpu(0)))
    assert decision_digest(one) != decision_digest(fewer)


def test_the_digest_does_not_depend_on_how_long_the_plan_is_valid():
    assert decision_digest(a_plan()) == decision_digest(a_plan(valid_for=timedelta(minutes=1)))


@pytest.mark.parametrize("data", [b"", b"no json", b"[]", b"{}", b'{"a": 1, "a": 2}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_plan_is_a_clear_error(tmp_path, data):
    (tmp_path / "plan.json").write_bytes(data)
    with pytest.raises(PlanUnreadable):
        read_plan(tmp_path / "plan.json")


def test_another_major_version_is_refused(tmp_path):
    document = json.loads(plan_bytes(a_plan())) | {"format_version": "2.0"}
    (tmp_path / "plan.json").write_text(json.dumps(document))
    with pytest.raises(PlanUnreadable, match=r"format version 2\.0"):
        read_plan(tmp_path / "plan.json")


def test_a_sealed_plan_with_an_impossible_profile_is_refused(tmp_path):
    from esnode import wire

    document = json.loads(plan_bytes(a_plan()))
    document["profiles"][0]["document"]["policies"] = "none"
    del document["checksum"]
    document["checksum"] = wire.digest(document)
    (tmp_path / "plan.json").write_text(json.dumps(document))
    with pytest.raises(PlanUnreadable, match="power-cap"):
        read_plan(tmp_path / "plan.json")


def test_a_capture_is_never_applyable():
    from esnode.model.hardware import Origin

    assert not replace(a_plan(), origin=Origin.CAPTURE).can_apply
