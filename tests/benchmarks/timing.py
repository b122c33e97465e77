"""Commands, run one after the other in turns and held to what they were to do, with the kernel's account of each.

Other work on a machine comes and goes; commands that are compared are run alternately (A B A B), so that it meets
both, and ratios are made of one run's medians.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

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
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command.words],
            cwd=command.cwd,
            env=command.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = code = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")
    line = " ".join(map(str, command.words))
    assert code == command.code, f"{line}\nended with {code}, not {command.code}:\n{said}"
    assert command.says in said, f'{line}\ndid not say "{command.says}":\n{said}'
    command.check(said)
    return Run(wall=wall, cpu=used.ru_utime + used.ru_stime, peak=used.ru_maxrss / 1024)


def ms(seconds: float) -> str:
    """For a table's cell: `12.3`, from 100 ms on `123`."""
    return f"{seconds * 1000:.{0 if seconds >= 0.1 else 1}f}"
