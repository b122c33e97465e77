"""The history: what was managed outlives the state file."""

import json

import pytest

from esnode import wire
from esnode.records import replace
from esnode.storage.history import KEPT, HistoryFile
from esnode.storage.states import StateFile
from tests.builders import an_observation
from tests.unit.storage.test_states import a_full_state


def a_run(path, serial, *, operation="apply", saves=1):
    """One run that changes the managed part: its last save has `serial`."""
    file = StateFile(path, operation=operation)
    state = file.load() if file.exists else a_full_state()
    for number in range(serial - saves + 1, serial + 1):
        file.save(replace(state, serial=number))


def serials(path):
    return [(entry.serial, entry.operation) for entry in HistoryFile(path).read().entries]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "esnode.state.json"


def test_a_run_is_one_entry_however_often_it_saves(path):
    a_run(path, 3, saves=3)
    a_run(path, 7, saves=4)
    assert serials(path) == [(3, "apply"), (7, "apply")]


def test_the_newest_entry_is_what_is_managed_now(path):
    a_run(path, 3, saves=3)
    latest = HistoryFile(path).read().latest
    assert latest is not None
    assert latest.state.managed == StateFile(path).load().managed
    assert latest.state.observed is None


def test_what_a_run_found_is_kept_where_the_history_did_not_have_it(path):
    a_run(path, 3)
    HistoryFile(path).path.unlink()
    a_run(path, 4, operation="state rm")
    assert serials(path) == [(3, "before state rm"), (4, "state rm")]


def test_a_refresh_is_no_entry(path):
    a_run(path, 3)
    StateFile(path).store_observation(an_observation(at=60), {}, timeout=1)
    assert serials(path) == [(3, "apply")]


def test_the_history_is_bounded(path):
    for serial in range(1, KEPT + 10):
        a_run(path, serial)
    assert [serial for serial, _ in serials(path)] == list(range(10, KEPT + 10))


def test_one_damaged_line_costs_one_entry(path):
    for serial in (1, 2, 3):
        a_run(path, serial)
    history = HistoryFile(path)
    lines = history.path.read_bytes().splitlines()
    history.path.write_bytes(b"\n".join([lines[0], lines[1][:-40], lines[2]]) + b"\n")
    assert serials(path) == [(1, "apply"), (3, "apply")]
    assert history.read().damaged == 1


def test_an_edited_entry_is_a_damaged_one(path):
    a_run(path, 1)
    history = HistoryFile(path)
    history.path.write_bytes(history.path.read_bytes().replace(b'"serial":1', b'"serial":2'))
    assert history.read().damaged == 1


def test_the_history_survives_the_states_damage_and_end(path):
    a_run(path, 3)
    path.write_bytes(b"")
    assert serials(path) == [(3, "apply")]
    path.unlink()
    assert serials(path) == [(3, "apply")]


def test_the_history_has_the_states_mode(path):
    a_run(path, 1)
    assert HistoryFile(path).path.stat().st_mode & 0o777 == 0o600
    HistoryFile(path).path.unlink()
    path.chmod(0o640)
    a_run(path, 2)
    assert HistoryFile(path).path.stat().st_mode & 0o777 == 0o640


def test_members_that_this_version_does_not_know_are_in_the_history_too(path):
    a_run(path, 1)
    document = json.loads(path.read_bytes()) | {"future": {"a": 1}}
    del document["checksum"]
    path.write_text(json.dumps(document | {"checksum": wire.digest(document)}))
    a_run(path, 2)
    assert [entry.document.get("future") for entry in HistoryFile(path).read().entries] == [None, {"a": 1}, {"a": 1}]
