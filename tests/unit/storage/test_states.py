"""The state file: never half written, never mistaken, nothing in it lost."""

import errno
import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from esnode import wire
from esnode.errors import FileUntrusted, LockHeld, StateTooNew, StateUnreadable, StateUnwritable
from esnode.model.state import PolicyClock
from esnode.records import replace
from esnode.storage.locks import locked
from esnode.storage.states import StateFile, with_observation
from esnode.storage.trust import check_trust
from tests.builders import a_gpu, a_moment, a_profile, a_state, an_observation
from tests.unit.engine.machine import FakeMachine


def a_full_state():
    machine = FakeMachine()
    machine.plan_and_apply(a_profile(settings={"power_limit_watts": 600.0, "graphics_clock_mhz": 1200.0}))
    return machine.state


def written(tmp_path, state=None):
    file = StateFile(tmp_path / "esnode.state.json")
    file.save(state or a_full_state())
    return file


def test_what_is_saved_is_what_is_loaded(tmp_path):
    state = a_full_state()
    assert StateFile(written(tmp_path, state).path).load() == state


def test_an_absent_file_is_a_new_state_with_a_lineage_of_its_own(tmp_path):
    one, other = StateFile(tmp_path / "a").load(), StateFile(tmp_path / "b").load()
    assert one.lineage != other.lineage
    assert one.serial == 0


def test_a_file_that_vanishes_during_a_run_is_no_new_beginning(tmp_path):
    file = StateFile(written(tmp_path).path)
    file.load()
    file.path.unlink()
    with pytest.raises(StateUnwritable, match="was there a moment ago and is gone"):
        file.store_observation(an_observation(at=60), {}, timeout=1)
    assert not file.exists


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-20],
        lambda data: b"[]",
        lambda data: b"{}",
        lambda data: data.replace(b'"serial": ', b'"serial": 1'),
        lambda data: b"\xff" + data,
        lambda data: data.replace(b'"version": 1', b'"version": "1"'),
    ],
)
def test_a_damaged_state_is_an_error_and_is_left_as_it_is(tmp_path, damage):
    file = written(tmp_path)
    broken = damage(file.path.read_bytes())
    file.path.write_bytes(broken)
    with pytest.raises(StateUnreadable, match="cannot be used"):
        StateFile(file.path).load()
    with pytest.raises(StateUnreadable):
        StateFile(file.path).store_observation(an_observation(), {}, timeout=1)
    assert file.path.read_bytes() == broken


def test_a_newer_state_asks_for_an_upgrade(tmp_path):
    file = written(tmp_path)
    document = json.loads(file.path.read_bytes()) | {"version": 2}
    file.path.write_text(json.dumps(document))
    with pytest.raises(StateTooNew, match="format version 2"):
        StateFile(file.path).load()


def test_members_that_this_version_does_not_know_survive(tmp_path):
    file = written(tmp_path)
    document = json.loads(file.path.read_bytes())
    uuid = next(iter(document["managed"]["gpus"]))
    document["future"] = {"a": 1}
    document["managed"]["gpus"][uuid]["note"] = "kept"
    del document["checksum"]
    document["checksum"] = wire.digest(document)
    file.path.write_text(json.dumps(document))
    again = StateFile(file.path)
    again.save(replace(again.load(), serial=9))
    after = json.loads(file.path.read_bytes())
    assert after["future"] == {"a": 1}
    assert after["managed"]["gpus"][uuid]["note"] == "kept"
    assert after["serial"] == 9


def test_a_record_that_was_removed_does_not_come_back_as_unknown(tmp_path):
    file = written(tmp_path)
    again = StateFile(file.path)
    state = again.load()
    again.save(replace(state, managed=replace(state.managed, gpus={}), serial=state.serial + 1))
    assert not StateFile(file.path).load().managed.gpus


def test_a_refresh_never_touches_the_managed_part(tmp_path):
    file = written(tmp_path)
    before = StateFile(file.path).load()
    StateFile(file.path).store_observation(an_observation(a_gpu(3), at=60), {}, timeout=1)
    after = StateFile(file.path).load()
    assert (after.managed, after.serial) == (before.managed, before.serial)
    assert after.observed is not None
    assert after.observed.observation.gpus[0].identity.index == 3


def test_an_older_observation_never_replaces_a_newer_one():
    newer, older = an_observation(at=60), an_observation(a_gpu(5), at=0)
    clock = PolicyClock(seen_at=a_moment(60), session=newer.gpus[0].session)
    stale = replace(clock, seen_at=a_moment(0), true_since=a_moment(0))
    state = with_observation(with_observation(a_state(), newer, {"k": clock}), older, {"k": stale, "new": stale})
    assert state.observed is not None
    assert state.observed.observation == newer
    assert state.observed.clocks == {"k": clock, "new": stale}


def test_a_new_state_is_private_and_an_old_one_keeps_its_mode(tmp_path):
    file = written(tmp_path)
    assert file.path.stat().st_mode & 0o777 == 0o600
    file.path.chmod(0o640)
    again = StateFile(file.path)
    again.save(again.load())
    assert file.path.stat().st_mode & 0o777 == 0o640


def test_the_state_before_the_first_change_of_a_run_is_kept(tmp_path):
    file = written(tmp_path)
    run = StateFile(file.path)
    state = run.load()
    for serial in (7, 8, 9):
        run.save(replace(state, serial=serial))
    assert StateFile(tmp_path / "esnode.state.json.backup").load() == state


def test_a_state_that_cannot_be_written_says_where_and_why(tmp_path):
    with pytest.raises(StateUnwritable, match="No such file or directory"):
        StateFile(tmp_path / "gone" / "esnode.state.json").save(a_state())


@pytest.mark.parametrize("file_that_does_not_fit", [1, 2, 3])
def test_a_save_that_finds_no_room_leaves_every_file_as_it_was(tmp_path, monkeypatch, file_that_does_not_fit):
    file = written(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    left = iter(range(file_that_does_not_fit - 1, -1, -1))

    def fsync(handle):
        if next(left) == 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    run = StateFile(file.path)
    with pytest.raises(StateUnwritable, match="No space left on device"):
        run.save(replace(run.load(), serial=7))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_save_is_on_disk_when_it_returns(tmp_path, monkeypatch):
    """Each file before it is put in place, the directory once all of them are."""
    run = StateFile(written(tmp_path).path)
    state = run.load()
    done = []
    really = Path.replace

    def put_in_place(self, target):
        done.append(target.suffix)
        return really(self, target)

    monkeypatch.setattr(os, "fsync", lambda handle: done.append("directory" if is_directory(handle) else "file"))
    monkeypatch.setattr(Path, "replace", put_in_place)
    run.save(replace(state, serial=7))
    run.save(replace(state, serial=8))
    first, later = done[:7], done[7:]
    assert first == ["file", "file", "file", ".backup", ".json", ".history", "directory"]
    assert later == ["file", "file", ".json", ".history", "directory"]


def is_directory(handle):
    return stat.S_ISDIR(os.fstat(handle).st_mode)


def test_the_state_is_serialized_once_for_each_save(tmp_path, monkeypatch):
    run = StateFile(written(tmp_path).path)
    state = run.load()
    run.save(replace(state, serial=7))
    documents = []
    really = wire.sealed

    def sealed(document):
        documents.append(document)
        return really(document)

    monkeypatch.setattr(wire, "sealed", sealed)
    monkeypatch.setattr(wire, "typed", None)
    run.save(replace(state, serial=8))
    assert [document.get("serial", "history") for document in documents] == [8, "history"]


def test_a_lock_names_its_holder(tmp_path):
    path = tmp_path / "esnode.state.json"
    with locked(path, "apply"), pytest.raises(LockHeld) as held, locked(path, "refresh", timeout=0):
        pass
    assert f"PID {os.getpid()}, apply since" in held.value.detail


def _die_with_lock(path):
    lock = locked(path, "apply")
    lock.__enter__()
    os._exit(0)


def test_a_dead_holder_holds_nothing(tmp_path):
    path = tmp_path / "esnode.state.json"
    child = multiprocessing.get_context("fork").Process(target=_die_with_lock, args=(path,))
    child.start()
    child.join()
    with locked(path, "apply", timeout=0):
        pass


@pytest.mark.parametrize(("mode", "way"), [(0o602, "chmod o-w"), (0o620, "chmod g-w")])
def test_files_that_others_could_have_written_are_not_trusted(tmp_path, mode, way):
    path = tmp_path / "plan.json"
    path.write_text("{}")
    path.chmod(mode)
    with pytest.raises(FileUntrusted) as refused:
        check_trust(path, "plan")
    assert way in refused.value.next_step


@pytest.mark.lane("root")
def test_a_strangers_file_is_not_trusted(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text("{}")
    os.chown(path, 12345, -1)
    with pytest.raises(FileUntrusted, match="belongs to user 12345"):
        check_trust(path, "plan")


def test_what_a_killed_run_left_half_written_is_cleared_away_and_what_is_being_written_is_not(tmp_path):
    path = tmp_path / "esnode.state.json"
    old, new = tmp_path / ".esnode.state.json.aaaa.tmp", tmp_path / ".esnode.state.json.bbbb.tmp"
    for left in (old, new):
        left.write_text("{")
    os.utime(old, (0, 0))
    StateFile(path).save(a_state())
    assert (old.exists(), new.exists()) == (False, True)
