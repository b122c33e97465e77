"""esnode as users have it: a wheel, built from this checkout and installed into a fresh environment of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.promises import Promises
from tests.places import EXAMPLES, PROJECT

POWER_CAP: Final = EXAMPLES / "profiles" / "power-cap.es"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An interpreter and the command beside it. `folder` is private; it goes with everything in it."""

    python: Path
    esnode: Path
    folder: Path

    def place(self, name: str) -> Path:
        """A new folder that only we can write to."""
        place = self.folder / name
        place.mkdir(mode=0o700)
        return place

    def env(self, place: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """What esnode is run with: nothing of ours that says something to Python or to esnode."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ESNODE_"))}
        return {**ours, "ESNODE_RUNTIME_DIR": str(place / "run"), **(extra or {})}


@contextlib.contextmanager
def installed() -> Iterator[Installed]:
    """Takes some 15 seconds. Packages come from where pip finds them."""
    with tempfile.TemporaryDirectory(prefix="esnode-bench-") as name:
        folder = Path(name)
        python = folder / "venv" / "bin" / "python"
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(PROJECT)]
        _do(build)
        _do([sys.executable, "-m", "venv", str(folder / "venv")])
        _do([str(python), "-m", "pip", "install", "--quiet", "--compile", *map(str, folder.glob("*.whl"))])
        yield Installed(python=python, esnode=python.with_name("esnode"), folder=folder)


Part = Callable[[Installed, Promises], None]
"""Measures, writes its tables, and tells the promises what came of it."""


def run_alone(part: Part) -> None:
    """One part by itself. AssertionError where something did not do its work, and where a promise is missed."""
    promises = Promises()
    with installed() as esnode:
        part(esnode, promises)
    promises.settle()


def _do(words: list[str]) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(words, env=env, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
