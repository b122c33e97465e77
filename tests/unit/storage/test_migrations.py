"""States of older versions are brought up to date, and the old file is kept."""

import json

import pytest

from esnode import wire
from esnode.errors import StateTooNew, StateUnreadable
from esnode.records import replace
from esnode.storage.history import HistoryFile
from esnode.storage.state_document import MIGRATIONS
from esnode.storage.states import StateFile
from tests.builders import an_observation
from tests.unit.storage.test_states import written


def _from_0(document):
    """Version 0 said `generation` where version 1 says `serial`."""
    return {
        **{name: value for name, value in document.items() if name != "generation"},
        "serial": document["generation"],
    }


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A state file of version 0, and the esnode that can read it."""
    monkeypatch.setitem(MIGRATIONS, 0, _from_0)
    path = written(tmp_path).path
    document = json.loads(path.read_bytes())
    document = {**document, "version": 0, "generation": document.pop("serial"), "note": "kept"}
    del document["checksum"]
    path.write_text(json.dumps({**document, "checksum": wire.digest(document)}))
    return path


def test_an_old_state_is_read_as_one_of_today(old):
    assert StateFile(old).load().serial == StateFile(old.with_name("esnode.state.json")).load().serial
    assert StateFile(old).load().managed.gpus


def test_reading_changes_no_file_and_writing_keeps_the_old_one(old):
    before = old.read_bytes()
    StateFile(old).load()
    assert old.read_bytes() == before
    StateFile(old).store_observation(an_observation(at=60), {}, timeout=1)
    document = json.loads(old.read_bytes())
    assert (document["version"], document["note"], "generation" in document) == (1, "kept", False)
    assert old.with_name("esnode.state.json.v0.backup").read_bytes() == before


def test_the_backup_of_an_old_state_can_be_read(old):
    run = StateFile(old)
    state = run.load()
    run.save(replace(state, serial=state.serial + 1))
    assert StateFile(old.with_name("esnode.state.json.backup")).load() == state


def test_the_old_file_is_kept_once(old):
    for second in (60, 120):
        StateFile(old).store_observation(an_observation(at=second), {}, timeout=1)
    assert len(list(old.parent.glob("*.v0.backup*"))) == 1


def test_old_entries_of_the_history_are_read_too(old):
    line = {
        "at": "2026-01-01T12:00:00+00:00",
        "operation": "apply",
        "user": "ada",
        "state": json.loads(old.read_bytes()),
    }
    HistoryFile(old).path.write_bytes(wire.canonical({**line, "checksum": wire.digest(line)}) + b"\n")
    assert len(HistoryFile(old).read().entries) == 1


def test_a_version_that_nobody_wrote_is_refused(old, monkeypatch):
    monkeypatch.delitem(MIGRATIONS, 0)
    with pytest.raises(StateUnreadable, match="format version is 0"):
        StateFile(old).load()


def test_a_newer_version_says_so_and_nothing_of_locks(tmp_path):
    path = written(tmp_path).path
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"version": 7}))
    with pytest.raises(StateTooNew) as refused:
        StateFile(path).store_observation(an_observation(), {}, timeout=1)
    assert "format version 7" in refused.value.summary
    assert "lock" not in refused.value.summary + refused.value.detail
    assert refused.value.next_step == "Upgrade esnode."
