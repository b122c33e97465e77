"""The rules of the house, read from the code itself: who may import whom, and where each package lives."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.places import PROJECT

PACKAGE = PROJECT / "esnode"
MODULES = sorted(PACKAGE.rglob("*.py"))

LEAVES = {"errors", "units", "diagnostics", "wire", "secrets", "web", "records", "garbage"}

MAY_IMPORT = {
    "cli": {"cli", "loop", "wiring", "views", "engine", "storage", "simulator", "workers", "host", "model"} | LEAVES,
    "loop": {"loop", "listen", "wiring", "views", "engine", "storage", "host", "model"} | LEAVES,
    "wiring": {"wiring", "views", "engine", "sensors", "actuators", "storage", "simulator", "workers", "nvml", "model"}
    | LEAVES,
    "listen": {"listen", "storage", "workers", "model"} | LEAVES,
    "views": {"views", "model"} | LEAVES,
    "engine": {"engine", "model"} | LEAVES,
    "sensors": {"sensors", "nvml", "host", "kubernetes", "model"} | LEAVES,
    "actuators": {"actuators", "nvml", "host", "kubernetes", "model"} | LEAVES,
    "storage": {"storage", "model"} | LEAVES,
    "simulator": {"simulator", "nvml", "model"} | LEAVES,
    "workers": {"workers", "model"} | LEAVES,
    "nvml": {"nvml", "model"} | LEAVES,
    "host": {"host", "model"} | LEAVES,
    "kubernetes": {"kubernetes", "model"} | LEAVES,
    "model": {"model", "diagnostics", "units", "errors", "records"},
    "wire": {"errors"},
    "records": set(),
    "garbage": set(),
    "secrets": {"errors"},
    "web": {"errors", "records"},
    "errors": {"diagnostics"},
    "units": {"errors"},
    "diagnostics": {"records"},
    "__main__": {"cli"},
}
"""Upper rooms import lower ones, never back; siblings do not know each other."""

HOMES = {
    "click": ("cli",),
    "pynvml": ("nvml/library.py", "simulator/plug.py"),
    "ruamel": ("storage", "simulator/nodes.py"),
    "jsonschema": ("storage",),
    "tabulate": ("views",),
    "deepdiff": ("engine/compare.py",),
    "msgspec": ("wire.py", "records.py"),
    "rfc8785": ("wire.py",),
    "prometheus_client": ("sensors/exposition.py", "listen/metrics.py"),
    "psutil": ("host",),
    "curses": ("views/screen.py",),
    "lightkube": ("kubernetes",),
    "apprise": ("actuators/apprise.py",),
    "arro3": ("storage/traces/parquet.py",),
    "cryptography": ("storage/signatures.py",),
}
"""A third-party package has one home."""


@cache
def nodes_of(path: Path) -> Sequence[ast.AST]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def imports_of(path: Path) -> Iterator[str]:
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rooms_import_only_what_is_below_them(path):
    allowed = MAY_IMPORT.get(room_of(path), set())
    rooms = {name.split(".")[1] for name in imports_of(path) if name.startswith("esnode.")}
    assert rooms - allowed - {"__version__"} == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_third_party_packages_stay_at_home(path):
    used = {name.split(".")[0] for name in imports_of(path)} & HOMES.keys()
    strangers = {package for package in used if not name_of(path).startswith(HOMES[package])}
    assert strangers == set()


def test_only_the_actuators_reach_a_setter():
    writers = {name_of(path) for path in MODULES if "esnode.nvml.writer" in set(imports_of(path))}
    assert writers == {"actuators/gpu.py"}


def test_only_the_actuators_change_a_cluster():
    writers = {name_of(path) for path in MODULES if "esnode.kubernetes.writer" in set(imports_of(path))}
    assert writers == {"actuators/node.py", "actuators/drain.py"}


def test_only_apply_and_the_wiring_reach_the_actuators():
    users = {name_of(path) for path in MODULES if any(name.startswith("esnode.actuators") for name in imports_of(path))}
    assert {name for name in users if not name.startswith("actuators/")} == {"wiring/machine.py", "wiring/hands.py"}
    named = {name_of(path) for path in MODULES if "esnode.engine.ports.Actuator" in set(imports_of(path))}
    assert named == {"engine/apply.py", "wiring/machine.py"}


def test_only_the_views_and_the_error_of_last_resort_print():
    printing = {
        name_of(path)
        for path in MODULES
        for node in nodes_of(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printing == set()


def test_values_are_frozen():
    for path in (PACKAGE / "model").glob("*.py"):
        for node in nodes_of(path):
            if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(item) for item in node.decorator_list):
                assert "frozen=True, slots=True, kw_only=True" in ast.unparse(node.decorator_list[0]), node.name
