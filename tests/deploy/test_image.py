"""examples/kubernetes/Dockerfile: what it copies is enough to build from, and what it starts is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile

from tests.deploy.files import KUBERNETES, yaml_of
from tests.places import PROJECT

TEXT = (KUBERNETES / "Dockerfile").read_text()
PORT = "9477"


def test_the_files_that_it_copies_are_all_that_a_build_takes(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for names in re.findall(r"^COPY (?!--from)(.*)$", TEXT, re.MULTILINE):
        *given, target = names.split()
        for name in given:
            if name.endswith("/"):
                shutil.copytree(PROJECT / name, source / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(PROJECT / name, source / target)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert "esnode/schemas/profile.v1.schema.json" in names
    assert "esnode/cli/main.py" in names


def test_the_base_is_pinned_to_one_release():
    (base,) = re.findall(r"^ARG PYTHON=(.*)$", TEXT, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base)
    assert set(re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)) == {"${PYTHON}"}


def test_the_extras_that_it_installs_exist():
    import tomllib

    known = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (wanted,) = re.findall(r"'\.\[([\w,]+)\]'", TEXT)
    assert set(wanted.split(",")) <= known.keys()


def test_the_daemonset_gives_it_a_command_and_listens_where_it_is_probed():
    (container,) = yaml_of(KUBERNETES / "daemonset.yaml")["spec"]["template"]["spec"]["containers"]
    assert container["args"][0] == "enforce"
    assert container["args"][container["args"].index("--listen") + 1] == f"0.0.0.0:{PORT}"
    assert container["image"].startswith("registry.invalid/")
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    paths = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    assert str(paths["ESNODE_STATE"]).rpartition("/")[0] in mounted
    assert str(paths["ESNODE_NODE"]).rpartition("/")[0] in mounted
    assert container["args"][container["args"].index("-f") + 1] in mounted
