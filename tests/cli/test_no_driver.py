"""Where there is no driver, every command that needs one says so in one sentence, with the three ways to go on."""

import ctypes.util

import pytest

from tests.cli.run import esnode
from tests.places import EXAMPLES

pytestmark = pytest.mark.skipif(ctypes.util.find_library("nvidia-ml") is not None, reason="a driver is installed")

CAP = EXAMPLES / "profiles" / "power-cap.es"


@pytest.mark.parametrize("command", [["plan", "-f", CAP], ["destroy"], ["plan", "-destroy"]])
def test_the_three_ways_to_go_on(command, tmp_path):
    result = esnode(*command, cwd=tmp_path)
    assert result.code == 1
    assert result.out in ("", "Refreshing state...\n")
    for way in ("driver", "-capture", "-simulate"):
        assert way in result.err


def test_version_json_works_without_one(tmp_path):
    result = esnode("version", "-json", cwd=tmp_path)
    assert result.code == 0
    assert result.lines()[0]["driver_version"] is None
