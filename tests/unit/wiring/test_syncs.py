"""How often an apply waits for the disk: by its phases, not by its GPUs."""

import os
from pathlib import Path

import pytest

from esnode.engine.apply import Surroundings, apply_plan
from esnode.storage.audit import AuditLog
from esnode.storage.claims import ClaimFolder
from esnode.storage.states import StateFile
from tests.builders import a_gpu, a_profile
from tests.unit.engine.machine import FakeMachine

CAP = a_profile(settings={"power_limit_watts": 600.0})
CAP_AND_LOCK = a_profile(settings={"power_limit_watts": 600.0, "graphics_clock_mhz": 1200.0})


@pytest.fixture
def synced(monkeypatch):
    """What was synced, by name, without the random part of a temporary file's."""
    names: list[str] = []

    def fsync(handle):
        path = Path(f"/proc/self/fd/{handle}").readlink()
        names.append(path.name.removeprefix(".").rsplit(".", 2)[0] if path.suffix == ".tmp" else path.name)

    monkeypatch.setattr(os, "fsync", fsync)
    return names


def apply(profile, folder, gpus):
    machine = FakeMachine(*[a_gpu(index) for index in range(gpus)])
    plan = machine.plan(profile)
    file = StateFile(folder / "s", operation="apply")
    file.save(machine.state)
    world = Surroundings(
        actuator=machine,
        hands=machine.around,
        recorder=file,
        audit=AuditLog(file.path),
        operation="apply",
        clock=machine,
        progress=machine,
        user="ada",
        should_stop=lambda: False,
    )
    report, _ = apply_plan(plan, file.load(), machine.observe(), world)
    assert report.is_complete
    assert len(report.changes) == gpus


@pytest.mark.parametrize("gpus", [1, 16])
def test_journal_audit_and_record_take_as_many_syncs_for_one_gpu_as_for_sixteen(synced, tmp_path, gpus):
    folder = tmp_path / "d"
    folder.mkdir()
    apply(CAP, folder, gpus)
    proved, journal, audit, closed = synced[:2], synced[2:6], synced[6:8], synced[8:]
    assert proved == ["s", "d"]
    assert journal == ["s.backup", "s", "s.history", "d"]
    assert audit == ["s.audit", "d"], "the directory because the log is new"
    assert closed == ["s", "s.history", "d"]


def test_a_second_phase_has_a_journal_of_its_own(synced, tmp_path):
    apply(CAP, tmp_path, 4)
    of_one = len(synced)
    synced.clear()
    (tmp_path / "d").mkdir()
    apply(CAP_AND_LOCK, tmp_path / "d", 4)
    assert len(synced) - of_one == len(["s", "s.history", "d", "s.audit", "s", "s.history", "d"])


def test_claims_wait_for_no_disk(synced, tmp_path):
    folder = ClaimFolder(tmp_path)
    folder.claim([f"GPU-{index}" for index in range(16)], "a lineage", tmp_path / "s")
    assert folder.read("GPU-15")
    assert synced == []
