"""What takes long says so on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from esnode.views import progress as shown
from esnode.views.text import write
from tests.e2e.lab import Lab


@pytest.fixture
def terminal(monkeypatch):
    """What a terminal shows that is standard error of this process."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as stream:
        monkeypatch.setattr(shown, "sys", SimpleNamespace(stderr=stream))
        monkeypatch.setattr(shown, "AFTER", 0.05)
        monkeypatch.setattr(shown, "EVERY", 0.05)
        yield lambda: read(master)
    os.close(master)


def read(master: int) -> str:
    os.set_blocking(master, False)
    said = b""
    while True:
        try:
            part = os.read(master, 65536)
        except (BlockingIOError, OSError):
            break
        if not part:
            break
        said += part
    return said.decode()


def screen(said: str) -> str:
    """What stands on the last line in the end."""
    line: list[str] = []
    place = 0
    for char in said.rpartition("\n")[2]:
        if char == "\r":
            place = 0
            continue
        line[place : place + 1] = [char]
        place += 1
    return "".join(line).strip()


def test_what_takes_long_is_said_and_gone_when_done(terminal):
    with shown.progress("Reading the hardware"):
        time.sleep(0.2)
        during = terminal()
        assert re.fullmatch(r"Reading the hardware\.\.\. \ds", screen(during))
    assert screen(during + terminal()) == ""


def test_what_is_fast_says_nothing(terminal, monkeypatch):
    monkeypatch.setattr(shown, "AFTER", 60.0)
    with shown.progress("Reading the hardware"):
        time.sleep(0.1)
    assert terminal() == ""


def test_it_is_gone_before_anything_else_is_printed(terminal):
    with shown.progress("Reading the hardware"):
        time.sleep(0.1)
        write("Warning", vars(shown)["sys"].stderr)
        first, warned, _ = terminal().partition("Warning")
    assert "..." in first
    assert warned
    assert screen(first) == ""


def test_it_is_gone_after_a_failure_too(terminal):
    with pytest.raises(RuntimeError), shown.progress("Reading the hardware"):
        time.sleep(0.1)
        raise RuntimeError
    said = terminal()
    assert "..." in said
    assert screen(said) == ""


def test_with_json_there_is_none(terminal):
    with shown.progress("Reading the hardware", as_json=True):
        time.sleep(0.15)
    assert terminal() == ""


def test_control_characters_of_a_file_name_do_not_reach_the_terminal(terminal):
    with shown.progress("Reading \x1b[2J\n.xml"):
        time.sleep(0.1)
        said = terminal()
    assert "Reading \\x1b[2J\\n.xml..." in said
    assert "\x1b" not in said


def test_in_a_pipe_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr(shown, "AFTER", 0.05)
    with (tmp_path / "errors").open("w+") as stream:
        monkeypatch.setattr(shown, "sys", SimpleNamespace(stderr=stream))
        with shown.progress("Reading the hardware"):
            time.sleep(0.15)
        assert stream.read() == ""


def test_a_plan_of_a_slow_driver(tmp_path):
    lab = Lab(tmp_path, count=1)
    lab.write_profile("settings: {power_limit_watts: 500}\npolicies: []\n")
    lab.set(0, "fault=slow:1200:memory_allocated_percent")
    master, slave = pty.openpty()
    words = [sys.executable, "-m", "esnode", "plan", "-simulate", "world.yaml", "-f", "profile.es"]
    done = subprocess.run(words, cwd=lab.folder, stdout=subprocess.PIPE, stderr=slave, timeout=60, check=True)
    os.close(slave)
    said = read(master)
    os.close(master)
    assert re.search(r"Reading the hardware\.\.\. \ds", said)
    assert screen(said) == ""
    assert b"0 to add, 1 to change" in done.stdout
