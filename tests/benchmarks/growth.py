"""From 8 to 100,000 GPUs, each held to ten policies: seconds, memory, and by which power they grow; beside Terraform.

Each size is a process of its own, and once more a whole cold command, which reads a state with so many GPUs first.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median
from typing import Final

from tests.benchmarks import evaluation, terraform
from tests.benchmarks.installed import Installed, run_alone
from tests.benchmarks.paper import write_table
from tests.benchmarks.promises import Promises
from tests.benchmarks.terraform import Terraform
from tests.benchmarks.timing import Command, Cost, alternate

PROFILE: Final = Path(evaluation.__file__).with_name("ten_policies.es")
POLICIES: Final = 10
RUNS: Final[Mapping[int, int]] = {8: 20, 100: 20, 1_000: 20, 5_000: 5, 10_000: 5, 100_000: 3}
"""How often each size is measured."""

COLD_RUNS: Final[Mapping[int, int]] = {8: 20, 100: 20, 1_000: 10, 5_000: 3, 10_000: 3, 100_000: 1}
"""The same of whole commands, and of Terraform's beside them; 5,000 take it most of a minute."""

TERRAFORM_SIZES: Final = (1_000, 5_000)

MOST_EXPONENT: Final = 1.1
MOST_JUDGING: Final = 10.0
"""Microseconds for a GPU and policy."""
MOST_SECONDS: Final = 10.0
MOST_MEGABYTES: Final = 2_000.0
"""Of all 100,000 GPUs, evaluated and planned."""
LEAST_FASTER: Final[Mapping[int, float]] = {1_000: 5.0, 5_000: 50.0}
"""Than Terraform's plan of as many objects that do not change."""

_OURS, _THEIRS = "esnode", "terraform"
_GROWS_FROM: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """CPU seconds of judging alone and of planning, judging included; `wall` is planning by the clock. Megabytes at the
    peak. Medians.
    """

    count: int
    judging: float
    planning: float
    wall: float
    peak: float

    def microseconds(self, seconds: float) -> float:
        """For a GPU and policy."""
        return seconds * 1e6 / self.count / POLICIES


def measure(esnode: Installed, promises: Promises) -> None:
    sizes = _evaluate(esnode)
    judging = _exponent({size.count: size.judging for size in sizes})
    planning = _exponent({size.count: size.planning for size in sizes})
    _write_tables(sizes, judging, planning)
    promises.at_most("judging grows with the number of GPUs to the power of", judging, MOST_EXPONENT)
    promises.at_most("planning grows with the number of GPUs to the power of", planning, MOST_EXPONENT)
    for size in sizes:
        if size.count >= _GROWS_FROM:
            each = size.microseconds(size.judging)
            promises.at_most(f"judging {size.count:,} GPUs, for each and policy", each, MOST_JUDGING, " us")
    largest = sizes[-1]
    promises.at_most(f"{largest.count:,} GPUs evaluated and planned", largest.wall, MOST_SECONDS, " s")
    promises.at_most("the same, at the peak", largest.peak, MOST_MEGABYTES, " MB")
    _beside_terraform(esnode, {size.count: size for size in sizes}, promises)


def _write_tables(sizes: Sequence[Size], judging: float, planning: float) -> None:
    rows: list[tuple[str, ...]] = [
        (f"{size.count:,}", _seconds(size.judging), f"{size.microseconds(size.judging):.1f}") for size in sizes
    ]
    runs = f"Medians of runs in turns: {_in_words(RUNS)}."
    remark = f"From {_GROWS_FROM:,} GPUs on it grows with their number to the power of"
    header: tuple[str, ...] = ("GPUs", "CPU, s", "us per GPU and policy")
    write_table("judging", header, rows, remark=f"{remark} {judging:.2f}. {runs}")
    rows = [
        (
            f"{size.count:,}",
            _seconds(size.wall),
            _seconds(size.planning),
            f"{size.microseconds(size.planning):.1f}",
            f"{size.peak:,.0f}",
        )
        for size in sizes
    ]
    header = ("GPUs", "wall, s", "CPU, s", "us per GPU and policy", "peak memory, MB")
    write_table("planning", header, rows, remark=f"{remark} {planning:.2f}. The same runs.")


def _evaluate(esnode: Installed) -> Sequence[Size]:
    """All sizes in turns, as far as each has runs left."""
    runs: dict[int, list[Mapping[str, float]]] = {count: [] for count in RUNS}
    for turn in range(max(RUNS.values())):
        for count in RUNS:
            if turn < RUNS[count]:
                runs[count].append(_ask(esnode, count))
    return [_size(count, found) for count, found in runs.items()]


def _size(count: int, runs: Sequence[Mapping[str, float]]) -> Size:
    """AssertionError where not every policy was judged on every GPU, or what is too hot would not be cooled."""
    for run in runs:
        assert run["verdicts"] == count * POLICIES, run
        assert run["changes"] == _too_hot(count), run
    figures = {what: median(run[what] for run in runs) for what in ("judging", "planning", "wall", "peak")}
    return Size(count=count, **figures)


def _ask(esnode: Installed, count: int) -> Mapping[str, float]:
    words = [str(esnode.python), evaluation.__file__, "measure", str(PROFILE), str(count)]
    env = esnode.env(esnode.folder)
    done = subprocess.run(words, cwd=esnode.folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _too_hot(count: int) -> int:
    return math.ceil(count / 10)


def _exponent(seconds: Mapping[int, float]) -> float:
    """Of the power of the number of GPUs that fits the seconds best, from _GROWS_FROM on."""
    large = {count: spent for count, spent in seconds.items() if count >= _GROWS_FROM}
    return linear_regression(list(map(math.log, large)), list(map(math.log, large.values()))).slope


# -- whole commands ------------------------------------------------------------------------------------------------


def _beside_terraform(esnode: Installed, sizes: Mapping[int, Size], promises: Promises) -> None:
    rows: list[tuple[str, ...]] = []
    largest = 0.0
    for count in RUNS:
        if largest * count > _available_megabytes():
            rows.append(
                (f"`esnode plan -refresh=false`, {count:,} GPUs", "not run: memory would not be enough", *[""] * 4)
            )
            continue
        costs = _cold(esnode, count)
        ours = costs[_OURS]
        largest = ours.peak / count
        theirs = costs.get(_THEIRS)
        ratios = ("", "")
        if theirs:
            ratios = (f"{theirs.wall / ours.wall:.1f}", f"{theirs.wall / sizes[count].wall:.1f}")
            faster = theirs.wall / sizes[count].wall
            what = f"{count:,} GPUs evaluated and planned, times as fast as Terraform's plan of as many objects"
            promises.at_least(what, faster, LEAST_FASTER[count])
        rows.append((f"`esnode plan -refresh=false`, {count:,} GPUs", *_cost(ours), *ratios))
        if theirs:
            rows.append((f"`terraform plan`, {count:,} `terraform_data`", *_cost(theirs), "", ""))
        elif count in TERRAFORM_SIZES:
            rows.append((f"`terraform plan`, {count:,}: {terraform.NOT_HERE}", *[""] * 5))
    header = (
        "command",
        "wall, s",
        "CPU, s",
        "peak memory, MB",
        "times as fast",
        "times as fast, without start and file",
    )
    write_table("growth_cold", header, rows, remark=f"Medians of runs in turns: {_in_words(COLD_RUNS)}.")


def _cold(esnode: Installed, count: int) -> Mapping[str, Cost]:
    place = esnode.place(f"cold-{count}")
    state = [str(esnode.python), evaluation.__file__, "state", str(PROFILE), str(count), str(place / "state.json")]
    subprocess.run(state, cwd=place, env=esnode.env(place), check=True)
    words = (esnode.esnode, "plan", "-refresh=false", "-state", "state.json", "-f", PROFILE)
    says = f"Plan: 0 to add, {_too_hot(count)} to change"
    commands = {_OURS: Command(words=words, cwd=place, env=esnode.env(place), says=says)}
    if count in TERRAFORM_SIZES and terraform.is_here():
        commands[_THEIRS] = Terraform(esnode.place(f"terraform-{count}"), count).prepare().plan()
    return alternate(commands, runs=COLD_RUNS[count], warm_up=0 if count >= min(TERRAFORM_SIZES) else 1)


def _available_megabytes() -> float:
    rows = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(rows["MemAvailable"].split()[0]) / 1024


def _cost(cost: Cost) -> tuple[str, ...]:
    return _seconds(cost.wall), _seconds(cost.cpu), f"{cost.peak:,.0f}"


def _in_words(runs: Mapping[int, int]) -> str:
    return ", ".join(f"{times} of {count:,}" for count, times in runs.items())


def _seconds(seconds: float) -> str:
    return f"{seconds:.4f}" if seconds < 0.1 else f"{seconds:.2f}"


if __name__ == "__main__":
    run_alone(measure)
