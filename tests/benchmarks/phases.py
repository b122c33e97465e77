"""Where every millisecond of a cold plan without changes goes: by phase, with the sum beside the whole.

The command runs with its phases and imports accounted for (see `phases_hook`), in turns with the command as it is: the
difference of the two is what accounting costs.
"""

from __future__ import annotations

import subprocess
import time
from ast import literal_eval
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tests.benchmarks import phases_hook
from tests.benchmarks.installed import Installed, run_alone
from tests.benchmarks.no_op import GPUS, NO_COMPILER
from tests.benchmarks.nodes import NO_CHANGES, Bench, on_still_driver
from tests.benchmarks.paper import write_table
from tests.benchmarks.promises import Promises
from tests.benchmarks.still import has_compiler
from tests.benchmarks.timing import RUNS, ms, run

PHASES: Final = {
    "opening the driver's process": ["esnode.workers.driver:DriverProcess.__init__"],
    "reading the profile": ["esnode.wiring.profiles:read_given"],
    "reading the state": ["esnode.storage.states:StateFile.load"],
    "observing: waiting for the driver's process": ["esnode.workers.driver:DriverProcess.observe"],
    "planning": ["esnode.engine.planner:make_plan"],
    "storing what was read": ["esnode.storage.states:StateFile.store_observation"],
    "showing": ["esnode.views.plan:TextPlanView.show", "esnode.views.plan:TextPlanView.refreshing"],
    "closing the driver's process": ["esnode.workers.driver:DriverProcess.__exit__"],
}
"""Functions of esnode by phase, in the order in which a plan comes to them."""

DRIVER_PHASES: Final = {
    "opening NVML": ["esnode.nvml.session:DriverSession.__enter__"],
    "looking at eight GPUs": ["esnode.sensors.gpu:observe_at"],
    "closing NVML": ["esnode.nvml.session:DriverSession.__exit__"],
}
"""The same in the process that calls the driver, beside which the first of PHASES go on."""

_IMPORT: Final = "import: "
_PACKAGES: Final = [
    f"{_IMPORT}{name}" for name in ("esnode", "the standard library", "click", "msgspec", "pynvml", "ruamel")
]
_OTHERS: Final = f"{_IMPORT}other packages"
_START: Final = "the interpreter's start"
_REST: Final = "the command line, and all else"
_END: Final = "the interpreter's end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounted:
    """Seconds of one run, by phase, in both processes. `whole` is without what accounting took before it began."""

    command: Mapping[str, float]
    driver: Mapping[str, float]
    whole: float


def measure(esnode: Installed, promises: Promises) -> None:
    if not has_compiler():
        for table in ("phases", "driver_phases"):
            write_table(table, ("part", "ms"), [(NO_COMPILER, "")])
        return
    bench = on_still_driver(esnode, "phases", GPUS)
    bench.apply_cap()
    run(bench.no_op_plan())
    _account(bench)
    turns = [(run(bench.no_op_plan()), _account(bench)) for _ in range(RUNS)]
    plain = median(plan.wall for plan, _ in turns)
    accounted = [found for _, found in turns]
    command = _medians([found.command for found in accounted])
    whole = median(found.whole for found in accounted)
    rows = [(what, ms(seconds)) for what, seconds in command.items()]
    rows += [
        ("**sum**", ms(sum(command.values()))),
        ("the whole, by the clock", ms(whole)),
        ("the whole where nothing is accounted", ms(plain)),
    ]
    write_table("phases", ("part", "ms"), rows, remark=f"Medians of {RUNS} runs.")
    driver = _medians([found.driver for found in accounted])
    write_table(
        "driver_phases", ("part", "ms"), [(what, ms(spent)) for what, spent in driver.items()], remark="The same runs."
    )


def _account(bench: Bench) -> Accounted:
    path = bench.place / "account.json"
    phases = "\n".join(f"{place}={phase}" for phase, places in {**PHASES, **DRIVER_PHASES}.items() for place in places)
    words = [str(bench.esnode.python), phases_hook.__file__, str(path), phases, "plan", "-f", "power-cap.es"]
    began = time.perf_counter_ns()
    done = subprocess.run(words, cwd=bench.place, env=bench.env, capture_output=True, text=True, check=False)
    ended = time.perf_counter_ns()
    assert done.returncode == 0 and NO_CHANGES in done.stdout, done.stdout + done.stderr
    return _read_account(path, began, ended)


def _read_account(path: Path, began: int, ended: int) -> Accounted:
    found = literal_eval(path.read_text())
    (child,) = path.parent.glob(f"{path.name}.*")
    driver = literal_eval(child.read_text())["totals"]
    child.unlink()
    command = {
        _START: found["first_line"] - began,
        **_imports(found["totals"]),
        _REST: found["totals"][phases_hook.OUTSIDE],
        **_named(PHASES, found["totals"]),
        _END: ended - found["over"],
    }
    accounting = found["ready"] - found["first_line"]
    return Accounted(
        command=_seconds(command),
        driver=_seconds({**_imports(driver), **_named(DRIVER_PHASES, driver)}),
        whole=(ended - began - accounting) / 1e9,
    )


def _named(phases: Mapping[str, object], totals: Mapping[str, float]) -> dict[str, float]:
    """AssertionError for a phase that was never come to: its function has another name by now."""
    unseen = set(phases) - set(totals)
    assert not unseen, f"nothing was accounted to: {', '.join(sorted(unseen))}"
    return {phase: totals[phase] for phase in phases}


def _imports(totals: Mapping[str, float]) -> dict[str, float]:
    """Of each package that takes a noticeable time; all others together."""
    found = {phase: spent for phase, spent in totals.items() if phase.startswith(_IMPORT)}
    named = {package: found[package] for package in _PACKAGES if package in found}
    return {**named, _OTHERS: sum(found.values()) - sum(named.values())}


def _seconds(nanoseconds: Mapping[str, float]) -> Mapping[str, float]:
    return {phase: spent / 1e9 for phase, spent in nanoseconds.items()}


def _medians(rows: list[Mapping[str, float]]) -> dict[str, float]:
    return {phase: median(row.get(phase, 0.0) for row in rows) for phase in rows[0]}


if __name__ == "__main__":
    run_alone(measure)
