"""Claims: which state file answers for a GPU."""

import pytest

from esnode.errors import StateUnwritable
from esnode.model.claims import Standing
from esnode.storage.claims import ClaimFolder, managed_gpus
from esnode.storage.locks import locked
from esnode.storage.states import StateFile
from tests.builders import a_profile, uuid_of
from tests.unit.engine.machine import FakeMachine
from tests.unit.storage.test_states import a_full_state

GPU = uuid_of(0)
OURS, THEIRS = "ours", a_full_state().lineage


@pytest.fixture
def folder(tmp_path):
    folder = ClaimFolder(tmp_path / "run")
    with folder.held(timeout=1):
        pass
    return folder


@pytest.fixture
def their_state(tmp_path):
    file = StateFile(tmp_path / "theirs.json")
    file.save(a_full_state())
    return file


def standing(folder):
    return folder.foreign([GPU], OURS)[GPU].standing


def test_a_claim_says_lineage_and_absolute_path(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    folder.claim([GPU], OURS, StateFile(tmp_path / "esnode.state.json").path.relative_to(tmp_path))
    assert folder.read(GPU).state == str(tmp_path / "esnode.state.json")
    assert folder.foreign([GPU], OURS) == {}


def test_another_lineages_claim_brings_its_record(folder, their_state):
    folder.claim([GPU], THEIRS, their_state.path)
    found = folder.foreign([GPU], OURS)[GPU]
    assert (found.standing, found.record) == (Standing.VALID, a_full_state().managed.gpus[GPU])


def test_a_claim_is_judged_by_the_state_that_it_names(folder, their_state):
    folder.claim([GPU], THEIRS, their_state.path)
    whole = their_state.path.read_bytes()
    their_state.path.write_bytes(whole[:-9])
    assert standing(folder) is Standing.UNREADABLE
    their_state.path.unlink()
    assert standing(folder) is Standing.STATE_GONE
    their_state.path.write_bytes(whole)
    folder.claim([GPU], "an earlier lineage", their_state.path)
    assert standing(folder) is Standing.STATE_GONE


def test_a_state_that_is_in_use_may_be_about_to_manage_what_it_claimed(folder, their_state):
    folder.claim([uuid_of(7)], THEIRS, their_state.path)
    with locked(their_state.path, "apply"):
        assert folder.foreign([uuid_of(7)], OURS)[uuid_of(7)].standing is Standing.VALID
    assert folder.foreign([uuid_of(7)], OURS)[uuid_of(7)].standing is Standing.NOT_MANAGED


def test_release_leaves_what_is_managed_and_what_is_others(folder, tmp_path):
    folder.claim([uuid_of(0), uuid_of(1)], OURS, tmp_path / "a")
    folder.claim([uuid_of(2)], THEIRS, tmp_path / "b")
    assert folder.release(OURS, keep={uuid_of(1)}) == ()
    assert [bool(folder.read(uuid_of(index))) for index in range(3)] == [False, True, True]


def test_everybody_may_read_a_claim(folder, tmp_path):
    folder.claim([GPU], OURS, tmp_path / "a")
    modes = [path.stat().st_mode & 0o777 for path in (folder.directory, *folder.directory.glob("*.claim"))]
    assert modes == [0o755, 0o644]


def test_a_directory_that_cannot_be_made_is_named_with_its_variable(tmp_path):
    (tmp_path / "run").write_text("a file")
    folder = ClaimFolder(tmp_path / "run")
    with pytest.raises(StateUnwritable, match=str(tmp_path / "run")) as refused, folder.held(timeout=1):
        pass
    assert "ESNODE_RUNTIME_DIR" in refused.value.next_step
    assert folder.foreign([GPU], OURS) == {}


def test_a_uuid_never_leads_out_of_the_directory(folder, tmp_path):
    folder.claim(["../../etc/passwd"], OURS, tmp_path / "a")
    assert {path.parent for path in tmp_path.rglob("*.claim")} == {folder.directory}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"gpu": 1}', bytes(range(128, 168))])
def test_a_claim_that_cannot_be_understood_is_none(folder, tmp_path, content):
    folder.claim([GPU], OURS, tmp_path / "a")
    next(folder.directory.glob("*.claim")).write_bytes(content)
    assert folder.read(GPU) is None


def test_a_gpu_with_a_write_under_way_is_managed():
    machine = FakeMachine()
    machine.plan_and_apply(a_profile(settings={"power_limit_watts": 600.0}))
    before_the_write = machine.saved[0]
    assert before_the_write.managed.gpus == {}
    assert managed_gpus(before_the_write) == {GPU}
