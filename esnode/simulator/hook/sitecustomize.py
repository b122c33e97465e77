"""Imported by Python itself at its start in an environment that `esnode sim run` made.

All it does then is to wait: when pynvml is imported, the simulated library goes beneath it. A program that
was told to run on a simulated machine must never reach a real one, so whatever fails here fails the import.
It must run on any Python 3 that a program may bring along, and cost it nothing: no pathlib, no typing.
"""

# ruff: noqa: PTH100, PTH118, PTH120, UP036

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
_WORLD = os.environ.get("ESNODE_SIMULATED_WORLD", "")


class _Finder:
    """Finds pynvml where it is, and has the library plugged after it is loaded."""

    def __init__(self) -> None:
        self.busy = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "pynvml" or self.busy:
            return None
        self.busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.busy = False
        if spec is not None and spec.loader is not None:
            loader: Any = _Loader(spec.loader)
            spec.loader = loader
        return spec


class _Loader:
    """pynvml's own loader, and the plug after it. Everything else is the loader's own business."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def create_module(self, spec: Any) -> Any:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        _plug(module)


def _plug(module: ModuleType) -> None:
    if sys.version_info < (3, 11):
        raise ImportError(f"the simulated machine {_WORLD} needs Python 3.11 or later")
    _find_esnode()
    from esnode.simulator.library import Library
    from esnode.simulator.plug import plug
    from esnode.simulator.world import open_world

    plug(Library(open_world(_WORLD).registers), module)


def _find_esnode() -> None:
    """The esnode that this file is part of, whatever environment the program has."""
    if "esnode" in sys.modules:
        return
    package = os.path.dirname(os.path.dirname(_HERE))
    spec: Any = importlib.util.spec_from_file_location(
        "esnode", os.path.join(package, "__init__.py"), submodule_search_locations=[package]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["esnode"] = module
    spec.loader.exec_module(module)


def _import_the_other_one() -> None:
    """The sitecustomize that this one stands before, if there is one."""
    path = [entry for entry in sys.path if os.path.abspath(entry or ".") != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if _WORLD:
    sys.meta_path.insert(0, _Finder())
_import_the_other_one()
