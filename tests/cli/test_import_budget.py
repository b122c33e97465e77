"""What a command may load. Modules are counted, not milliseconds: a slow machine is nobody's mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.places import PROJECT

CAP = PROJECT / "examples" / "profiles" / "power-cap.es"

COUNT = """
import json, sys
from esnode.cli import start
def end(code):
    json.dump([code, sorted(sys.modules)], sys.stderr)
    sys.stderr.flush()
    import os
    os._exit(code)
start.end = end
start.run()
"""

CORE = {"click", "msgspec"}

BUDGETS: list[tuple[list[object], set[str], int]] = [
    # The words, the packages of others that may be loaded, and how many modules of esnode's own.
    (["version"], set(), 3),
    (["-help"], CORE, 10),
    (["plan", "-help"], CORE, 45),
    (["validate", CAP], CORE, 65),
    (["plan", "-f", CAP], CORE, 140),
    (["plan", "-f", CAP, "-out", "plan.json"], CORE, 155),
    (["scan"], CORE, 125),
    (["show", "plan.json"], CORE, 75),
    (["apply", "plan.json"], CORE, 157),
]


IDS = [" ".join(map(str, words))[:20] for words, _, _ in BUDGETS]


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A folder with a simulated machine, a saved plan, and a profile that is known."""
    folder = tmp_path_factory.mktemp("budget")
    cache = folder / "cache"
    cache.mkdir()
    environment = {**os.environ, "ESNODE_SIMULATE": "world.yaml", "XDG_CACHE_HOME": str(cache)}
    for words in (["sim", "init", "world.yaml"], ["plan", "-f", str(CAP), "-out", "plan.json"]):
        subprocess.run([sys.executable, "-m", "esnode", *words], cwd=folder, env=environment, check=True)
    return folder, environment


def loaded(machine, words):
    """The exit code of a command, and every module that its process has loaded."""
    folder, environment = machine
    ran = subprocess.run(
        [sys.executable, "-c", COUNT, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    code, modules = json.loads(ran.stderr.splitlines()[-1])
    return code, set(modules)


def of_others(modules):
    names = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)
    return {name for name in names if not name.startswith(("_", "typing_extensions", "esnode", "sitecustomize"))}


@pytest.mark.parametrize(("words", "packages", "most"), BUDGETS, ids=IDS)
def test_a_command_loads_no_more_than_it_needs(words, packages, most, machine):
    code, modules = loaded(machine, words)
    own = sorted(name for name in modules if name.startswith("esnode"))
    assert code == 0
    assert of_others(modules) <= packages
    assert len(own) <= most, own


def test_a_profile_that_is_new_is_read_without_jsonschema(machine):
    folder, _ = machine
    (folder / "new.es").write_text(CAP.read_text() + "# new\n")
    code, modules = loaded(machine, ["plan", "-f", "new.es"])
    assert code == 0 and "ruamel.yaml" in modules
    assert not modules & {"jsonschema", "deepdiff", "tabulate"}


def test_only_the_driver_s_process_loads_pynvml(machine):
    assert "pynvml" not in loaded(machine, ["plan", "-f", CAP])[1]
