"""`esnode plan` as a user and `sudo esnode apply` work on one state."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.e2e.two_users import USER
from tests.places import PROJECT

OF_THE_USER = ["esnode.state.json", "esnode.state.json.backup", "esnode.state.json.history", "esnode.state.json.lock"]


@pytest.fixture(scope="module")
def story():
    """The folder in which a user planned, root applied, and the user planned again."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-m", "tests.e2e.two_users", name],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        log = (folder / "log").read_text() if (folder / "log").exists() else ""
        yield done.returncode, done.stderr + log, folder / "home"


@pytest.mark.lane("root")
def test_a_user_plans_root_applies_and_the_user_plans_again(story):
    code, log, _ = story
    assert code == 0, log
    assert "No changes. The hardware matches the profile." in log
    assert "not stored" not in log


@pytest.mark.lane("root")
@pytest.mark.parametrize("name", OF_THE_USER)
def test_what_root_wrote_belongs_to_the_user(story, name):
    info = (story[2] / name).stat()
    assert (info.st_uid, info.st_mode & 0o777) == (USER, 0o600)


@pytest.mark.lane("root")
def test_the_claims_of_a_users_machine_are_the_users(story):
    folder = story[2] / "world.run"
    assert folder.stat().st_uid == USER
    assert list(folder.glob("*.claim")) == []


@pytest.mark.lane("root")
def test_the_history_names_the_person_and_not_root(story):
    lines = (story[2] / "esnode.state.json.history").read_text().splitlines()
    assert [json.loads(line)["user"] for line in lines][1] == "ada"
