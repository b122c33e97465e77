"""The way back for the state itself."""

import json

import pytest

from esnode import wire
from esnode.errors import BadInvocation, StateForeign, StateTooNew, StateUnreadable
from esnode.records import replace
from esnode.storage.history import HistoryFile
from esnode.storage.restore import restore_state
from esnode.storage.states import StateFile
from tests.builders import an_observation
from tests.unit.storage.test_states import a_full_state

OTHER = "22222222-2222-2222-2222-222222222222"


@pytest.fixture
def path(tmp_path):
    """A state of serial 9 that manages nothing any more, and its history: serial 4 managed a GPU."""
    path = tmp_path / "esnode.state.json"
    full = a_full_state()
    StateFile(path, operation="apply").save(replace(full, serial=4))
    file = StateFile(path, operation="state rm")
    file.load()
    file.save(replace(full, serial=9, managed=replace(full.managed, gpus={})))
    return path


def managed(path):
    return StateFile(path).load().managed


def test_a_serial_of_the_history_is_put_back_with_a_higher_serial(path):
    done = restore_state(path, "4")
    assert managed(path) == a_full_state().managed
    assert (done.source_serial, StateFile(path).load().serial) == (4, 10)
    assert HistoryFile(path).read().entries[-1].operation == "restore"


def test_readings_stay_when_they_can_be_read(path):
    StateFile(path).store_observation(an_observation(at=600), {}, timeout=1)
    observed = StateFile(path).load().observed
    restore_state(path, "4")
    assert StateFile(path).load().observed == observed


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[]"])
def test_a_damaged_state_is_kept_aside_and_replaced(path, damage):
    path.write_bytes(damage)
    done = restore_state(path, "4")
    assert managed(path) == a_full_state().managed
    assert done.kept_aside == path.with_name("esnode.state.json.damaged")
    assert path.with_name("esnode.state.json.damaged").read_bytes() == damage
    assert StateFile(path).load().serial == 10


def test_a_second_damaged_state_does_not_replace_the_first(path):
    for damage in (b"one", b"two"):
        path.write_bytes(damage)
        restore_state(path, "4")
    kept = sorted(item.read_bytes() for item in path.parent.glob("*.damaged*"))
    assert kept == [b"one", b"two"]


def test_a_state_that_is_gone_is_put_back(path):
    path.unlink()
    assert restore_state(path, "4").kept_aside is None
    assert managed(path) == a_full_state().managed


def test_the_backup_and_an_errored_state_are_taken(path):
    backup = path.with_name("esnode.state.json.backup")
    assert restore_state(path, str(backup)).state.managed == a_full_state().managed
    file = StateFile(path)
    errored = file.save_elsewhere(replace(file.load(), serial=30))
    assert restore_state(path, str(errored)).state.serial == 31


def test_another_lineage_is_refused_without_force(path, tmp_path):
    StateFile(tmp_path / "other.json").save(replace(a_full_state(), lineage=OTHER))
    before = path.read_bytes()
    with pytest.raises(StateForeign, match="another lineage"):
        restore_state(path, str(tmp_path / "other.json"))
    assert path.read_bytes() == before
    assert restore_state(path, str(tmp_path / "other.json"), force=True).state.lineage == OTHER


def test_a_damaged_state_still_has_its_lineage(path, tmp_path):
    StateFile(tmp_path / "other.json").save(replace(a_full_state(), lineage=OTHER))
    path.write_bytes(b"")
    with pytest.raises(StateForeign):
        restore_state(path, str(tmp_path / "other.json"))
    assert path.read_bytes() == b""


def test_a_serial_that_is_not_there_and_a_damaged_source_change_nothing(path, tmp_path):
    before = path.read_bytes()
    with pytest.raises(BadInvocation, match="no serial 77"):
        restore_state(path, "77")
    (tmp_path / "bad.json").write_bytes(b"{}")
    with pytest.raises(StateUnreadable, match="no esnode state"):
        restore_state(path, str(tmp_path / "bad.json"))
    assert path.read_bytes() == before


def test_a_newer_state_is_not_replaced(path):
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"version": 2}))
    before = path.read_bytes()
    with pytest.raises(StateTooNew):
        restore_state(path, "4")
    assert path.read_bytes() == before


def test_members_that_this_version_does_not_know_come_back_too(path):
    document = json.loads(path.read_bytes()) | {"future": 1}
    del document["checksum"]
    path.write_text(json.dumps(document | {"checksum": wire.digest(document)}))
    file = StateFile(path)
    file.save(replace(file.load(), serial=12))
    path.write_bytes(b"")
    restore_state(path, "12")
    assert json.loads(path.read_bytes())["future"] == 1
