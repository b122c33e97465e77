"""The wheel has everything inside: the schemas, the simulator's hook, the console script."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.run import esnode
from tests.e2e.lab import Lab
from tests.places import EXAMPLES, PROJECT


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with nothing but the wheel in it, as an environment that finds it before the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, PROJECT]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(folder.glob("*.whl"))
    target = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, wheel]
    subprocess.run(install, check=True, capture_output=True)
    return {"PYTHONPATH": str(target)}


def test_it_is_the_wheel_that_runs(installed, tmp_path):
    where = subprocess.run(
        [sys.executable, "-c", "import esnode; print(esnode.__file__)"],
        cwd=tmp_path,
        env=installed,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(installed["PYTHONPATH"])


@pytest.mark.parametrize("name", ["profile", "node", "world", "plan", "state"])
def test_the_schemas_are_inside(installed, tmp_path, name):
    assert esnode("schema", name, cwd=tmp_path, env=installed).out.startswith("{")


def test_the_manual_pages_are_where_man_looks(installed):
    pages = Path(installed["PYTHONPATH"]) / "share" / "man" / "man1"
    assert {"esnode.1", "esnode-plan.1", "esnode-state-mv.1"} <= {page.name for page in pages.iterdir()}


def test_plan_and_apply_work_from_it(installed, tmp_path):
    lab = Lab(tmp_path)
    cap = EXAMPLES / "profiles" / "power-cap.es"
    assert lab.run("plan", "-f", cap, "-out", "plan.json", env=installed).code == 0
    assert lab.run("apply", "plan.json", env=installed).code == 0
    assert lab.limits() == [560, 560]
    assert (
        lab.run("sim", "run", "--", sys.executable, "-c", "import pynvml; pynvml.nvmlInit()", env=installed).code == 0
    )
