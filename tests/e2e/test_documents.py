"""What the README, the examples and the demonstration say is so."""

import re
import subprocess

import pytest

from esnode.cli.main import COMMANDS
from tests.cli.run import esnode
from tests.e2e.lab import Lab
from tests.places import EXAMPLES, PROJECT

README = (PROJECT / "README.md").read_text()
PROFILES = sorted((EXAMPLES / "profiles").iterdir())
MACHINES = sorted((EXAMPLES / "machines").glob("*.yaml"))


def test_the_readmes_pictures_are_those_that_are_held_to_real_output():
    shown = {PROJECT / path for path in re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)}
    assert {path.name for path in shown} >= {"plan.svg", "top.svg"}
    assert shown <= set((PROJECT / "docs" / "pictures").glob("*.svg"))


def test_every_command_that_the_documents_name_exists():
    documents = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
    in_code = re.compile(r"(?:^ {4}(?:sudo )?|^\$ |`)esnode ([a-z][a-z-]*)", re.MULTILINE)
    named = {word for path in documents for word in in_code.findall(path.read_text())}
    assert {"plan", "apply", "destroy", "state", "sim", "schema"} <= named
    assert named - COMMANDS.keys() == set()


def test_every_link_of_the_documents_leads_somewhere():
    for path in [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.name)
def test_every_example_is_valid(path, tmp_path):
    result = esnode("validate", path, cwd=tmp_path)
    assert result.code == 0, result.err


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.name)
def test_every_example_is_planned_on_a_machine(path, lab):
    given = ["-tag", "cluster_zone=us-east-1", "-label", "workload_type=training"]
    result = lab.run("plan", "-f", path, *given)
    assert result.code == 0, result.err


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_every_example_machine_runs(path, tmp_path):
    (tmp_path / path.name).write_bytes(path.read_bytes())
    cap = EXAMPLES / "profiles" / "power-cap.es"
    result = esnode("plan", "-simulate", path.name, "-f", cap, cwd=tmp_path)
    assert result.code == 0, result.err
    assert "SIMULATED" in result.out


def test_the_readmes_commands_work_in_their_order(lab):
    (lab.folder / "training.es").write_bytes((EXAMPLES / "profiles" / "power-cap.es").read_bytes())
    block = README.partition("## On a machine with GPUs")[2].partition("For a machine")[0]
    commands = [
        part.strip().removeprefix("sudo ")
        for line in block.splitlines()
        if line.startswith("    ")
        for part in line.partition("#")[0].split("&&")
    ]
    assert len(commands) == 4
    for command in commands:
        result = lab.run(*command.split()[1:])
        assert result.code == 0, f"{command}: {result.err}"


def test_the_demonstration_ends_in_no_changes(tmp_path):
    import os
    import sys
    from pathlib import Path

    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", str(EXAMPLES / "demo.sh")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert "No changes. The hardware matches the profile." in done.stdout.rpartition("$ esnode plan")[2]
    assert list(tmp_path.iterdir()) == []


def test_help_lists_every_command(tmp_path):
    out = esnode("-help", cwd=tmp_path).out
    assert all(re.search(rf"^  {name} ", out, re.MULTILINE) for name in COMMANDS)


def test_a_laboratory_can_start_from_nothing_but_a_board(tmp_path):
    assert Lab(tmp_path, board="T4", count=1).limits() == [70]
