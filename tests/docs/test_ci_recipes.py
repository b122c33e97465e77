"""The recipes of examples/ci: every step that they run, in order, in a repository as docs/ci.md describes it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.cli.run import esnode
from tests.docs.pages import DOCS, Command, follow, steps
from tests.places import EXAMPLES, PROJECT

INSTALL = "pip install esnode"


def of(path: Path):
    return YAML(typ="safe").load(path)


def github():
    (job,) = of(EXAMPLES / "ci" / "github.yaml")["jobs"].values()
    return [step["run"] for step in job["steps"] if "run" in step]


def gitlab():
    return of(EXAMPLES / "ci" / "gitlab.yaml")["esnode"]["script"]


TEST = """apiVersion: v1
kind: ProfileTest
profiles: power-cap.es
stories:
  - {name: it is written once, board: H100-SXM, lasts: 10s, expect: [{setting: power_limit_watts, writes: 1}]}
"""

RECIPES = {"github": github, "gitlab": gitlab}


@pytest.fixture
def repository(tmp_path):
    """Profiles, a machine, and the plan that was approved for it."""
    for folder in ("profiles", "machines", "approved"):
        (tmp_path / folder).mkdir()
    shutil.copy(EXAMPLES / "captures" / "node7.xml", tmp_path / "machines")
    shutil.copy(EXAMPLES / "profiles" / "power-cap.es", tmp_path / "profiles")
    (tmp_path / "profiles" / "power-cap.test.yaml").write_text(TEST)
    planned = esnode("plan", "-capture", "machines/", "-f", "profiles/", "-out", "approved/", cwd=tmp_path)
    assert planned.code == 0, planned.err
    return tmp_path


def run(recipe, folder):
    """All steps as the service runs them: each in bash, with -e and pipefail, until one fails. The one that did."""
    scripts = RECIPES[recipe]()
    assert scripts[0] == INSTALL
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "GITHUB_STEP_SUMMARY": "summary.md"}
    for script in scripts[1:]:
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            return script, done.stdout + done.stderr
    return "", ""


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_change_is_red_until_its_plan_is_approved(recipe, repository):
    profile = repository / "profiles" / "power-cap.es"
    profile.write_text(profile.read_text().replace("80%", "70%"))
    script, said = run(recipe, repository)
    assert "esnode plan" in script
    assert "700 W -> 490 W" in said
    assert "node7: its decision is not that of approved/node7.plan.json" in said
    new = (repository / "plans" / "node7.plan.json").read_bytes()
    (repository / "approved" / "node7.plan.json").write_bytes(new)
    assert run(recipe, repository) == ("", "")
    assert {"plans", "report.xml"} <= {path.name for path in repository.iterdir()}
    if recipe == "github":
        summary = (repository / "summary.md").read_text()
        assert summary.count("### node7\n") == 2
        assert "490 W" in summary


def test_a_broken_profile_is_red_at_the_first_gate(repository):
    (repository / "profiles" / "broken.es").write_text("kind: EfficiencyProfil\n")
    script, said = run("github", repository)
    assert script.startswith("esnode validate")
    assert "EfficiencyProfil" in said


def test_the_hooks_of_pre_commit_run_on_what_they_select(repository):
    hooks = {hook["id"]: hook for hook in of(PROJECT / ".pre-commit-hooks.yaml")}
    assert hooks.keys() == {"esnode-validate", "esnode-fmt"}
    for hook in hooks.values():
        assert hook["language"] == "python"
        assert {"id", "name", "entry", "files"} <= hook.keys()
        assert re.search(hook["files"], "profiles/power-cap.es")
        assert not re.search(hook["files"], "profiles/power-cap.test.yaml")
        _, *words = hook["entry"].split()
        assert esnode(*words, "profiles/power-cap.es", cwd=repository).code == 0
    (repository / "broken.es").write_text("kind: EfficiencyProfil\n")
    assert esnode("validate", "profiles/power-cap.es", "broken.es", cwd=repository).code == 1


def test_the_page_names_every_step_of_the_recipes():
    page = (DOCS / "ci.md").read_text()
    told = set(re.findall(r"`esnode (\w+)", page))
    run_by_them = {
        word for scripts in RECIPES.values() for word in re.findall(r"esnode (\w+) -", "\n".join(scripts()))
    } - {"show"}
    assert run_by_them <= told
    assert run_by_them == {"validate", "fmt", "test", "plan"}


def test_a_machine_is_held_to_the_reviewed_decision(repository):
    """The commands under "On the machine", on a simulated one with the boards of the capture."""
    made = esnode("sim", "init", "-from", "machines/node7.xml", "world.yaml", cwd=repository)
    assert made.code == 0, made.err
    on_machine = [step for step in steps("ci.md") if isinstance(step, Command) and step.line.startswith("esnode")][1:]
    assert [step.line.split()[1] for step in on_machine] == ["plan", "apply"]
    assert "Apply complete" in follow(on_machine, repository, ESNODE_SIMULATE="world.yaml")
