"""The lock of a state: held by one, never by the dead, never broken while its holder lives."""

import errno
import fcntl
import json
import multiprocessing
import os

import pytest

from esnode.errors import LockHeld, NotLocked, StateUnwritable, WrongLock
from esnode.storage.locks import force_unlock, is_locked, lock_path, locked


@pytest.fixture
def path(tmp_path):
    return tmp_path / "esnode.state.json"


def _die_with_lock(path):
    lock = locked(path, "apply")
    lock.__enter__()
    os._exit(0)


@pytest.fixture
def dead_id(path):
    """The ID that a holder left behind when it died."""
    child = multiprocessing.get_context("fork").Process(target=_die_with_lock, args=(path,))
    child.start()
    child.join()
    return json.loads(lock_path(path).read_bytes())["id"]


def test_what_a_dead_holder_left_is_cleared(path, dead_id):
    assert force_unlock(path, dead_id).operation == "apply"
    with pytest.raises(NotLocked):
        force_unlock(path, dead_id)


def test_a_wrong_id_is_refused_and_names_the_right_one(path, dead_id):
    with pytest.raises(WrongLock) as refused:
        force_unlock(path, "1234")
    assert dead_id in refused.value.next_step
    assert lock_path(path).read_bytes()


def test_a_living_lock_is_never_broken(path):
    with locked(path, "apply"):
        holder = json.loads(lock_path(path).read_bytes())
        with pytest.raises(LockHeld) as refused:
            force_unlock(path, holder["id"])
        assert f"kill {os.getpid()}" in refused.value.next_step
        assert json.loads(lock_path(path).read_bytes()) == holder
        assert is_locked(path)
    assert not is_locked(path)


def test_a_state_without_a_lock_is_not_locked(path):
    with pytest.raises(NotLocked):
        force_unlock(path, "1234")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP])
def test_a_file_system_without_locks_is_named(path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StateUnwritable, match="has no locks") as refused, locked(path, "apply"):
        pass
    assert "-lock=false" in refused.value.next_step
