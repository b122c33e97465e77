"""Commands, run one after the other in turns and held to what they were to do, with the kernel's account of each.

Other work on a machine comes and goes; commands that are compared are run alternately (A B A B), so that it meets
both, and ratios are made of one run's medians.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from typing import Final

from tests.benchmarks import launcher

RUNS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program with arguments. `says` must stand in its output, `code` be its exit code, every time that it is run.

    `prepare` is called before each run, `check` after it with the output; neither is timed.
    """

    words: Sequence[str | Path]
    cwd: Path
    env: Mapping[str, str]
    says: str = ""
    code: int = 0
    prepare: Callable[[], object] = lambda: None
    check: Callable[[str], object] = lambda output: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run cost: seconds by the clock, seconds of user and system time, and megabytes.

    The latter two are of the command and its children that it waited for: CPU time of all of them together, memory
    (resident, at its peak) of the largest one.
    """

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Several runs of one command. Its figures are medians."""

    runs: Sequence[Run] = field(default_factory=list)

    @property
    def wall(self) -> float:
        return median(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        return median(run.cpu for run in self.runs)

    @property
    def peak(self) -> float:
        return median(run.peak for run in self.runs)


def alternate(commands: Mapping[str, Command], *, runs: int = RUNS, warm_up: int = 1) -> Mapping[str, Cost]:
    """Each command so many times, in turns; before that `warm_up` times without being counted.

    AssertionError for the first run that did not do its work.
    """
    for _ in range(warm_up):
        for command in commands.values():
            run(command)
    counted = [{name: run(command) for name, command in commands.items()} for _ in range(runs)]
    return {name: Cost([turn[name] for turn in counted]) for name in commands}


def run(command: Command) -> Run:
    """AssertionError where it did not do its work."""
    command.prepare()
    words = [str(word) for word in command.words]
    with tempfile.NamedTemporaryFile() as output:
        request = json.dumps([words, str(command.cwd), dict(command.env), output.name])
        code, wall, cpu, peak = json.loads(_ask_launcher(request))
        said = output.read().decode(errors="replace")
    line = " ".join(words)
    assert code == command.code, f"{line}\nended with {code}, not {command.code}:\n{said}"
    assert command.says in said, f'{line}\ndid not say "{command.says}":\n{said}'
    command.check(said)
    return Run(wall=wall, cpu=cpu, peak=peak)


def _ask_launcher(request: str) -> str:
    process = _launcher()
    assert process.stdin and process.stdout
    process.stdin.write(request + "\n")
    process.stdin.flush()
    return process.stdout.readline()


@cache
def _launcher() -> subprocess.Popen[str]:
    """Ends with us: its standard input does."""
    words = [sys.executable, "-I", "-S", launcher.__file__]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ms(seconds: float) -> str:
    """For a table's cell: `12.3`, from 100 ms on `123`."""
    return f"{seconds * 1000:.{0 if seconds >= 0.1 else 1}f}"
