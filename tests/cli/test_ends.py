"""How a command begins and ends when its standard files are not what they should be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import EXAMPLES

CAP = EXAMPLES / "profiles" / "power-cap.es"


@pytest.fixture
def machine(tmp_path):
    run(["sim", "init", "-count", "1", "world.yaml"], tmp_path)
    return tmp_path


def run(words, folder, *, shell="", **given):
    """A command in an interpreter of its own; `shell` are redirections."""
    line = f'exec "$0" -m esnode "$@" {shell}'
    command = ["sh", "-c", line, sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True, check=False, **given)


@pytest.mark.parametrize("words", [["version"], ["version", "-no-color"], ["man", "plan"]])
def test_what_cannot_be_said_is_an_error(words, tmp_path):
    ended = run(words, tmp_path, shell="> /dev/full")
    assert ended.returncode == 1
    assert "tandard output cannot be written: No space left on device" in ended.stderr


@pytest.mark.parametrize("json", [[], ["-json"]])
def test_it_is_no_defect_of_esnode_and_said_once_where_it_can_be(json, machine):
    ended = run(["plan", "-simulate", "world.yaml", "-f", CAP, *json], machine, shell="> /dev/full")
    assert ended.returncode == 1
    assert ended.stderr.count("Standard output cannot be written: No space left on device") == 1
    assert "What was done before stands." in ended.stderr and "itself failed" not in ended.stderr


@pytest.mark.parametrize("shell", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_without_standard_files_it_does_its_work_and_prints_into_no_file_of_its_own(shell, machine):
    ended = run(["plan", "-simulate", "world.yaml", "-f", CAP, "-out", "plan.json"], machine, shell=shell)
    assert ended.returncode == 0
    assert run(["show", "-digest", "plan.json"], machine, stdout=subprocess.PIPE).returncode == 0


def test_whoever_stops_reading_is_told_nothing(machine):
    ended = run(["man", "plan"], machine, shell="| true")
    assert ended.stderr == ""


def test_exit_handlers_of_a_process_that_ends_at_once_are_run(machine):
    code = (
        "import atexit, pathlib, sys; atexit.register(lambda: pathlib.Path('left').touch());"
        "sys.argv[1:] = ['version']; from esnode.cli.start import run; run()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=machine, check=True)
    assert Path(machine, "left").exists()
