"""esnode is killed at every step boundary, and nothing is lost: see `crashing` for what is asked after each kill."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import PROJECT

KILLS = [
    # story, fault of GPU-1, every how many boundaries, at least so many points
    ("every setting", "none", 2, 40),
    ("given back", "none", 2, 40),
    ("hold begins", "none", 1, 30),
    ("hold steps", "none", 1, 15),
    ("hold ends", "none", 1, 30),
    ("recovery", "none", 1, 5),
    ("every setting", "lying", 4, 10),
    ("every setting", "slow", 4, 10),
    ("every setting", "failing", 4, 10),
    ("every setting", "vanishing", 4, 10),
    ("given back", "vanishing", 4, 10),
]


@pytest.mark.parametrize(("story", "fault", "stride", "points"), KILLS)
def test_nothing_is_lost_wherever_esnode_is_killed(story, fault, stride, points, tmp_path, record_property):
    report = _tell(story, fault, stride)
    record_property("kills", (story, fault, report["points"]))
    assert report["failures"] == []
    assert report["points"] >= points


def test_there_are_at_least_two_hundred_points():
    assert sum(points for *_, points in KILLS) >= 200


def _tell(story, fault, stride):
    # Thousands of saves: in memory where there is such a place, so that no disk is waited for.
    memory = Path("/dev/shm")
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.crashing", story, fault, str(stride)],
        cwd=PROJECT,
        env={"TMPDIR": str(memory) if memory.is_dir() else "/tmp", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
