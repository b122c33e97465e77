"""Two processes race for one state: never two holders, never a deadlock, never a lost write."""

import multiprocessing
import os

import pytest

from esnode.records import replace
from esnode.storage.history import HistoryFile
from esnode.storage.locks import locked
from esnode.storage.states import StateFile
from tests.builders import a_gpu, an_observation
from tests.unit.storage.test_states import a_full_state

RACES = 100
FORK = multiprocessing.get_context("fork")
PATIENCE = 120.0
"""Seconds to wait for a lock: far more than any machine needs, so that only a deadlock is too slow."""


def _run(target, *args):
    child = FORK.Process(target=target, args=args)
    child.start()
    return child


def _finish(*children):
    for child in children:
        child.join(PATIENCE)
    codes = [child.exitcode for child in children]
    for child in children:
        child.kill()
    return codes


def _raise_serial(path, start, times):
    """Read, modify, write, each time under the lock; exit code 3 when somebody else holds it at the same time."""
    start.wait()
    inside = path.with_name("inside")
    for _ in range(times):
        with locked(path, "race", timeout=PATIENCE):
            try:
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                os._exit(3)
            file = StateFile(path, operation="race")
            state = file.load()
            file.save(replace(state, serial=state.serial + 1))
            inside.unlink()


def _refresh(path, start, times):
    start.wait()
    for second in range(times):
        StateFile(path).store_observation(an_observation(a_gpu(3), at=second), {}, timeout=PATIENCE)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "esnode.state.json"
    StateFile(path).save(replace(a_full_state(), serial=1))
    return path


def test_a_hundred_races_have_one_holder_at_a_time_and_lose_no_write(path):
    start = FORK.Event()
    children = [_run(_raise_serial, path, start, RACES) for _ in range(2)]
    start.set()
    assert _finish(*children) == [0, 0]
    assert StateFile(path).load().serial == 1 + 2 * RACES
    serials = [entry.serial for entry in HistoryFile(path).read().entries]
    assert serials == sorted(set(serials))


def test_no_refresh_puts_an_old_managed_part_over_a_new_one(path):
    start = FORK.Event()
    children = [_run(_raise_serial, path, start, RACES), _run(_refresh, path, start, RACES)]
    start.set()
    assert _finish(*children) == [0, 0]
    state = StateFile(path).load()
    assert state.serial == 1 + RACES
    assert state.managed == a_full_state().managed
    assert state.observed is not None
    assert state.observed.observation.gpus[0].identity.index == 3


def _claim_first(folder, lineage, start, answers):
    from esnode.storage.claims import ClaimFolder

    claims = ClaimFolder(folder)
    start.wait()
    with claims.held(timeout=PATIENCE):
        if claims.read("GPU-0") is None:
            claims.claim(["GPU-0"], lineage, folder / lineage)
            answers.put(lineage)


def test_of_two_states_that_claim_a_gpu_at_once_one_gets_it(tmp_path):
    for number in range(10):
        folder, start, answers = tmp_path / f"run-{number}", FORK.Event(), FORK.Queue()
        children = [_run(_claim_first, folder, lineage, start, answers) for lineage in ("one", "other")]
        start.set()
        assert _finish(*children) == [0, 0]
        assert answers.get(timeout=PATIENCE) in ("one", "other")
        assert answers.empty()
