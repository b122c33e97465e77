"""How commands are started: in an interpreter of its own, or forked from a starter, which must make no difference."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from esnode.cli.main import COMMANDS
from esnode.cli.sim import command as sim
from esnode.cli.state import command as state
from tests.cli.run import esnode
from tests.cli.starting import run_forked
from tests.places import EXAMPLES, PROJECT

CAP = EXAMPLES / "profiles" / "power-cap.es"
PROGRAM = "import pynvml; pynvml.nvmlInit(); print(pynvml.nvmlDeviceGetCount())"

EVERY_COMMAND = [
    # exit code, and the words
    (0, "version"),
    (0, "schema", "state"),
    (0, "completion", "bash"),
    (0, "man", "plan"),
    (0, "fmt", "-check", CAP),
    (0, "validate", CAP),
    (0, "test", EXAMPLES / "tests" / "power-cap.test.yaml"),
    (0, "sim", "init", "-count", 1, "-speed", 0, "world.yaml"),
    (0, "sim", "set", 0, "gpu_temp_celsius=60"),
    (0, "sim", "show"),
    (0, "sim", "run", "--", sys.executable, "-c", PROGRAM),
    (0, "plan", "-f", CAP, "-out", "plan.json"),
    (0, "apply", "plan.json"),
    (0, "scan", "-out", "scan.json"),
    (0, "show", "plan.json"),
    (0, "top", "-f", CAP, "-once"),
    (0, "diff", "plan.json", "scan.json"),
    (0, "import", "-out", "imported.es"),
    (0, "state", "list"),
    (0, "state", "show", "gpu[0]"),
    (0, "state", "history"),
    (0, "state", "pull"),
    (0, "rollback", "-out", "back.json"),
    (0, "state", "mv", "power-cap", "cap"),
    (1, "confirm"),
    (0, "revert"),
    (0, "enforce", "-f", CAP, "-once"),
    (0, "destroy"),
    (0, "state", "adopt", "-yes"),
    (0, "state", "rm", "gpu[0]"),
    (0, "state", "restore", 2),
    (1, "force-unlock", "0b7c2f6e"),
]
"""Each command, in an order in which all of them can be run on one machine."""


def test_every_command_runs_in_an_interpreter_that_has_imported_nothing_yet(tmp_path):
    """What a starter has imported for all of them could hide what one forgets to import."""
    for code, *words in EVERY_COMMAND:
        done = esnode(*words, cwd=tmp_path, env={"ESNODE_SIMULATE": "world.yaml"}, fresh=True)
        assert done.code == code, f"{words}: {done.err}"


def test_that_was_every_command():
    groups = {"sim": sim, "state": state}
    run = {(name, words[0]) if name in groups else (name,) for _, name, *words in EVERY_COMMAND}
    assert run == {(name,) for name in COMMANDS if name not in groups} | {
        (name, one) for name, group in groups.items() for one in group.lazy
    }


@pytest.mark.parametrize(
    "words",
    [
        ("version",),
        ("-help",),
        ("plan", "-nonsense"),
        ("validate", "-json", "absent.es"),
        ("sim", "show", "-json"),
        ("plan", "-f", CAP),
        ("scan", "-f", CAP, "-json"),
        ("sim", "run", "--", sys.executable, "-c", PROGRAM),
        ("sim", "run", "--", "sh", "-c", "env | sort | grep -v ^_=; pwd; ulimit -a; umask; kill -9 $$"),
        ("sim", "run", "--", "sh", "-c", "ls /proc/self/fd; cat; echo trouble >&2; exit 7"),
    ],
    ids=lambda words: " ".join(map(str, words))[:30],
)
def test_a_forked_command_says_and_ends_as_a_fresh_one(words, machine):
    assert timeless(esnode(*words, **machine)) == timeless(esnode(*words, **machine, fresh=True))


def timeless(result):
    return replace(result, out=re.sub(r'"@timestamp":"[^"]+"', "", result.out))


@pytest.fixture
def machine(tmp_path):
    """Where commands find one, with time standing still."""
    assert esnode("sim", "init", "-count", 2, "-speed", 0, "-machine-id", "m", "world.yaml", cwd=tmp_path).code == 0
    return {"cwd": tmp_path, "env": {"ESNODE_SIMULATE": "world.yaml", "ONLY_HERE": "yes"}}


def test_nothing_of_one_command_is_left_for_the_next(machine, monkeypatch):
    monkeypatch.setenv("ONLY_HERE", "no")
    show = ("sim", "run", "--", "sh", "-c", "echo $ONLY_HERE $ESNODE_LABELS")
    assert esnode(*show, cwd=machine["cwd"], env={**machine["env"], "ESNODE_LABELS": "a=b"}).out == "yes a=b\n"
    assert esnode(*show, cwd=machine["cwd"], env={"ESNODE_SIMULATE": "world.yaml"}).out == "no\n"


def test_what_is_said_to_python_itself_takes_a_new_interpreter(tmp_path):
    asked = {**os.environ, "PYTHONPATH": str(PROJECT)}
    assert run_forked(["version"], cwd=tmp_path, env=asked, timeout=60) is None
    assert esnode("version", cwd=tmp_path, env={"PYTHONPATH": str(PROJECT)}).code == 0


def test_a_command_that_takes_too_long_is_killed_and_the_next_one_runs(machine):
    with pytest.raises(subprocess.TimeoutExpired):
        esnode("sim", "run", "--", "sh", "-c", "echo $$ >pid; exec sleep 600", **machine, timeout=2)
    pid = (machine["cwd"] / "pid").read_text().strip()
    assert not Path("/proc", pid).exists()
    assert esnode("version", **machine).code == 0
