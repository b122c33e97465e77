"""One run of esnode with its phases accounted for, see `phases_hook`."""

from __future__ import annotations

import subprocess
import time
from ast import literal_eval
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.benchmarks import phases_hook
from tests.benchmarks.nodes import Bench

OUTSIDE: Final = phases_hook.OUTSIDE

Phases = Mapping[str, Sequence[str]]
"""Functions of esnode (`MODULE:FUNCTION`) by the name of their phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounted:
    """Seconds. `command` and `driver` are by phase, of the command's own process and of the one that calls the driver;
    imports are phases named `import: PACKAGE`. `start` and `end` are the interpreter's, and `whole` is all that passed,
    less what accounting took before the command began.
    """

    command: Mapping[str, float]
    driver: Mapping[str, float]
    start: float
    end: float
    whole: float


def account(bench: Bench, phases: Phases, *words: str, says: str) -> Accounted:
    """Run `esnode WORDS`. AssertionError where it did not do its work, and for a phase that it never came to."""
    path = bench.place / "account"
    lines = "\n".join(f"{place}={phase}" for phase, places in phases.items() for place in places)
    command = [str(bench.esnode.python), phases_hook.__file__, str(path), lines, *words]
    began = time.perf_counter_ns()
    done = subprocess.run(command, cwd=bench.place, env=bench.env, capture_output=True, text=True, check=False)
    ended = time.perf_counter_ns()
    assert done.returncode == 0 and says in done.stdout, done.stdout + done.stderr
    found = literal_eval(path.read_text())
    (child,) = path.parent.glob(f"{path.name}.*")
    driver = literal_eval(child.read_text())["totals"]
    child.unlink()
    unseen = set(phases) - set(found["totals"]) - set(driver)
    assert not unseen, f"nothing was accounted to: {', '.join(sorted(unseen))}"
    return Accounted(
        command=_seconds(found["totals"]),
        driver=_seconds(driver),
        start=(found["first_line"] - began) / 1e9,
        end=(ended - found["over"]) / 1e9,
        whole=(ended - began - (found["ready"] - found["first_line"])) / 1e9,
    )


def _seconds(nanoseconds: Mapping[str, int]) -> Mapping[str, float]:
    return {phase: spent / 1e9 for phase, spent in nanoseconds.items()}
