"""STATE.loop: held by a living loop, worth nothing when it died."""

import errno
import fcntl
import subprocess
import sys
import threading

import pytest

from esnode.errors import LockHeld, StateUnwritable
from esnode.model.loops import Loop
from esnode.storage.loops import living_loop, loop_path, looping
from tests.builders import a_moment


def a_loop(**profiles):
    return Loop(pid=4711, user="ada@node-01", since=a_moment().at, profiles=profiles or {"train": "d1"})


def test_a_state_that_no_loop_keeps_has_none(tmp_path):
    assert living_loop(tmp_path / "state.json") is None


def test_a_living_loop_is_known_with_its_profiles(tmp_path):
    with looping(tmp_path / "state.json", a_loop()):
        assert living_loop(tmp_path / "state.json") == a_loop()
    assert living_loop(tmp_path / "state.json") is None


def test_a_second_loop_is_told_who_keeps_the_state(tmp_path):
    second = looping(tmp_path / "state.json", a_loop(other="d2"))
    with (
        looping(tmp_path / "state.json", a_loop()),
        pytest.raises(LockHeld, match=r"ada@node-01 \(PID 4711\) with train"),
    ):
        second.__enter__()


def test_a_loop_that_was_killed_keeps_nothing(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from tests.unit.storage.test_loops import a_loop\n"
        "from esnode.storage.loops import looping\n"
        "with looping(Path(sys.argv[1]), a_loop()):\n    print('kept', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "state.json")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "kept\n"
    assert living_loop(tmp_path / "state.json") == a_loop()
    process.kill()
    process.wait()
    process.stdout.close()
    assert living_loop(tmp_path / "state.json") is None


def test_where_no_sign_can_be_put_it_says_so_and_what_is_said_later_leaves_the_older(tmp_path, monkeypatch):
    with (
        pytest.raises(StateUnwritable, match="the sign of a control loop, cannot be written: No such file"),
        looping(tmp_path / "nowhere" / "state.json", a_loop()),
    ):
        pass
    with looping(tmp_path / "state.json", a_loop()) as say:
        with monkeypatch.context() as full, pytest.raises(StateUnwritable, match="No space left"):
            full.setattr("os.pwrite", _full)
            say(a_loop(other="d2"))
        assert living_loop(tmp_path / "state.json") == a_loop()
        say(a_loop(other="d2"))
        assert living_loop(tmp_path / "state.json") == a_loop(other="d2")


def _full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_one_that_cannot_be_read_is_still_a_loop(tmp_path):
    with looping(tmp_path / "state.json", a_loop()):
        loop_path(tmp_path / "state.json").write_text("{")
        loop = living_loop(tmp_path / "state.json")
    assert loop is not None
    assert loop.profiles == {}


def test_whoever_looks_sees_no_loop_in_another_one_who_looks(tmp_path):
    with looping(tmp_path / "state.json", a_loop()):
        pass
    with loop_path(tmp_path / "state.json").open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert living_loop(tmp_path / "state.json") is None


def test_a_loop_that_begins_while_somebody_looks_waits_for_the_look_to_end(tmp_path):
    path = tmp_path / "state.json"
    with looping(path, a_loop()):
        pass
    with loop_path(path).open() as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        timer = threading.Timer(0.01, lambda: fcntl.flock(looker, fcntl.LOCK_UN))
        timer.start()
        with looping(path, a_loop()):
            assert living_loop(path) == a_loop()
        timer.join()
