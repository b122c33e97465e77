"""The word that is being typed, in our own spelling, in bash, zsh and fish themselves."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from esnode.cli.completing import candidates
from esnode.cli.main import COMMANDS, cli
from tests.e2e.lab import Lab
from tests.places import EXAMPLES

BIN = str(Path(sys.executable).parent)


def offered(*words: str) -> list[str]:
    return [str(item.value) for item in candidates(cli, words)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["pl"], ["plan"]),
        (["state", "sh"], ["show"]),
        (["plan", "-o"], ["-out"]),
        (["plan", "--o"], ["--out"]),
        (["plan", "-f", ""], [":file"]),
        (["plan", "-out", ""], [":file"]),
        (["plan", "-out=pl"], [":file"]),
        (["plan", "-refresh="], ["-refresh=true", "-refresh=false"]),
        (["plan", "-refresh=f"], ["-refresh=false"]),
        (["apply", "-json", ""], [":file"]),
        (["validate", "-board", "h1"], ["H100-SXM", "H100-PCIE"]),
        (["validate", "-board=T"], ["-board=T4"]),
        (["schema", "n"], ["node"]),
        (["-chdir", "/", "sca"], ["scan"]),
        (["sim", "run", "--", ""], [":file"]),
        (["plan", "-nonsense", "x", "-o"], ["-out"]),
        (["nonsense", ""], list(COMMANDS)),
        ([], list(COMMANDS)),
    ],
)
def test_what_is_offered(words, expected):
    assert offered(*words) == expected


def test_every_option_is_offered_in_terraforms_spelling():
    options = offered("plan", "-")
    assert {"-out", "-f", "-refresh-only", "-json", "-help"} <= set(options)
    assert not [option for option in options if option.startswith("--")]


def test_the_gpus_of_the_state_are_offered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert offered("plan", "-target", "") == []
    lab = Lab(tmp_path, count=2)
    (tmp_path / "profile.es").write_bytes((EXAMPLES / "profiles" / "power-cap.es").read_bytes())
    assert lab.plan().code == 0
    assert offered("plan", "-target", "gpu[") == ["gpu[0]", "gpu[1]"]
    (tmp_path / "esnode.state.json").write_text("{")
    assert offered("plan", "-target", "") == []


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "TERM": "dumb", "HOME": "/nonexistent"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "training.es").write_text("")
    (tmp_path / "two words.es").write_text("")
    return tmp_path


@pytest.mark.lane("shells")
def test_bash(folder):
    script = """
    source <(esnode completion bash)
    try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _esnode; printf '%s\\n' "${COMPREPLY[@]}" --; }
    try esnode pl
    try esnode plan -o
    try esnode validate two
    try esnode plan -refresh = f
    try esnode plan -f = tr
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=folder, env=environment(), capture_output=True, text=True, check=True
    )
    answers = [part.strip() for part in done.stdout.split("--\n")]
    assert answers == ["plan", "-out", "two words.es", "false", "training.es", ""]
    assert done.stderr == ""


@pytest.mark.lane("shells")
def test_fish(folder):
    lines = ["esnode pl", "esnode plan -o", "esnode validate tr", "esnode plan -f=tr"]
    script = "esnode completion fish | source\n" + "".join(f"complete -C '{line}'; echo ==\n" for line in lines)
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], cwd=folder, env=environment(), capture_output=True, text=True, check=True
    )
    answers = [part.strip().partition("\t")[0] for part in done.stdout.split("==\n")]
    assert answers == ["plan", "-out", "training.es", "-f=training.es", ""]


@pytest.mark.lane("shells")
def test_zsh(folder):
    """Typed into a terminal: zsh completes nowhere else."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(folder)
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment())
    try:
        begin = "PS1='%%'; autoload -Uz compinit; compinit -u -D; source <(esnode completion zsh); echo re''ady\n"
        typed(terminal, begin, "ready")
        for keys, shown in [
            ("esnode pl\t", "esnode plan "),
            ("-ou\t", "-out "),
            ("\x15esnode validate tr\t", "training.es"),
            ("\x15esnode plan -f=tr\t", "-f=training.es"),
        ]:
            typed(terminal, keys, shown)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def typed(terminal: int, keys: str, shown: str) -> None:
    """Type, and wait until the terminal shows what is expected."""
    os.write(terminal, keys.encode())
    seen, end = "", time.monotonic() + 20
    while shown not in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\x07\x08]", "", seen):
        assert time.monotonic() < end, f"{keys!r} showed {seen!r}"
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 4096).decode(errors="replace")
