"""The audit log: whole lines, each action once, rotated, and never in the way of a record."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from esnode.errors import StateUnwritable
from esnode.model.audit import AuditEntry
from esnode.model.plan import Operation, ResourceType
from esnode.records import replace
from esnode.storage import audit
from esnode.storage.audit import AuditLog

MONDAY = datetime(2026, 6, 1, 12, tzinfo=UTC)
LOWERED = AuditEntry(
    at=MONDAY,
    operation="apply",
    user="ada@node7",
    host="node7",
    lineage="l1",
    state_serial=7,
    address='gpu["GPU-1"]',
    type=ResourceType.GPU,
    actions=(Operation.UPDATE,),
    setting="power_limit_watts",
    before={"power_limit_watts": 700.0},
    after={"power_limit_watts": 650.0},
    read_back=650.0,
)


def later(count: int) -> AuditEntry:
    return replace(LOWERED, state_serial=7 + count)


@pytest.fixture
def log(tmp_path):
    return AuditLog(tmp_path / "esnode.state.json")


def test_what_is_written_down_reads_back_the_same_and_is_private(log):
    log.record([LOWERED, later(1)])
    log.record([later(2)])
    assert log.tail(None) == (LOWERED, later(1), later(2))
    assert log.tail(2) == (later(1), later(2))
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_an_action_that_was_written_down_before_a_crash_is_not_written_again(log):
    log.record([LOWERED])
    log.record_missing([replace(LOWERED, recovered=True), later(1)])
    assert log.tail(None) == (LOWERED, later(1))


def test_the_newest_actions_are_read_again_when_somebody_acted(log, monkeypatch):
    assert log.newest(2) == ()
    log.record([LOWERED, later(1)])
    AuditLog(log.path.with_suffix("")).record([later(2)])
    assert log.newest(2) == (later(1), later(2))
    monkeypatch.setattr(AuditLog, "tail", None)
    assert log.newest(2) == (later(1), later(2))


def test_a_line_that_a_crash_cut_off_is_taken_away_and_costs_no_other(log):
    log.record([LOWERED, later(1)])
    with log.path.open("ab") as file:
        file.write(b'{"address":"gpu[\\"GPU')
    assert log.tail(None) == (LOWERED, later(1))
    log.record([later(2)])
    assert log.tail(None) == (LOWERED, later(1), later(2))


def test_a_full_log_is_put_aside_and_the_oldest_goes(log, monkeypatch):
    monkeypatch.setattr(audit, "LARGEST", 1600)
    monkeypatch.setattr(audit, "KEPT", 3)
    for count in range(20):
        log.record([later(count)])
    names = sorted(path.name for path in log.path.parent.iterdir())
    assert names == [f"esnode.state.json.audit{number}" for number in ("", ".1", ".2", ".3")]
    assert all(path.stat().st_size <= 1600 for path in log.path.parent.iterdir())
    assert log.tail(3) == (later(17), later(18), later(19))


def test_an_action_of_before_the_rotation_is_still_known(log, monkeypatch):
    monkeypatch.setattr(audit, "LARGEST", 600)
    log.record([LOWERED])
    log.record([later(1)])
    log.record_missing([LOWERED])
    assert [entry for entry in log.tail(None) if entry == LOWERED] == [LOWERED]


def test_a_disk_that_fills_up_in_the_middle_of_a_line_leaves_whole_lines(log, monkeypatch):
    log.record([LOWERED])
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:20]) if len(data) > 20 else _full())
    with pytest.raises(StateUnwritable, match="No space left"):
        log.record([later(1)])
    monkeypatch.undo()
    assert log.path.read_bytes().endswith(b"\n")
    assert log.tail(None) == (LOWERED,)


def _full():
    raise OSError(28, "No space left on device")
