"""Where every millisecond of a cold plan without changes goes: by phase, with the sum beside the whole.

The command runs with its phases and imports accounted for, in turns with the command as it is: the difference of the
two is what accounting costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from tests.benchmarks.accounting import OUTSIDE, Accounted, account
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
"""In the order in which a plan comes to them."""

DRIVER_PHASES: Final = {
    "opening NVML": ["esnode.nvml.session:DriverSession.__enter__"],
    "looking at eight GPUs": ["esnode.sensors.gpu:observe_at"],
    "closing NVML": ["esnode.nvml.session:DriverSession.__exit__"],
}
"""In the process that calls the driver, beside which the first of PHASES go on."""

_IMPORT: Final = "import: "
_PACKAGES: Final = [
    f"{_IMPORT}{name}" for name in ("esnode", "the standard library", "click", "msgspec", "pynvml", "ruamel")
]
_HEADER: Final = ("part", "ms")


def measure(esnode: Installed, promises: Promises) -> None:
    if not has_compiler():
        for table in ("phases", "driver_phases"):
            write_table(table, _HEADER, [(NO_COMPILER, "")])
        return
    bench = on_still_driver(esnode, "phases", GPUS)
    bench.apply_cap()
    run(bench.no_op_plan())
    _accounted(bench)
    turns = [(run(bench.no_op_plan()), _accounted(bench)) for _ in range(RUNS)]
    command = _medians([_of_the_command(accounted) for _, accounted in turns])
    rows = [(part, ms(seconds)) for part, seconds in command.items()]
    rows += [
        ("**sum**", ms(sum(command.values()))),
        ("the whole, by the clock", ms(median(accounted.whole for _, accounted in turns))),
        ("the whole where nothing is accounted", ms(median(plain.wall for plain, _ in turns))),
    ]
    write_table("phases", _HEADER, rows, remark=f"Medians of {RUNS} runs.")
    driver = _medians([{**_imports(found.driver), **_named(DRIVER_PHASES, found.driver)} for _, found in turns])
    write_table(
        "driver_phases", _HEADER, [(part, ms(spent)) for part, spent in driver.items()], remark="The same runs."
    )


def _accounted(bench: Bench) -> Accounted:
    return account(bench, {**PHASES, **DRIVER_PHASES}, "plan", "-f", "power-cap.es", says=NO_CHANGES)


def _of_the_command(accounted: Accounted) -> Mapping[str, float]:
    return {
        "the interpreter's start": accounted.start,
        **_imports(accounted.command),
        "the command line, and all else": accounted.command[OUTSIDE],
        **_named(PHASES, accounted.command),
        "the interpreter's end": accounted.end,
    }


def _named(phases: Mapping[str, object], spent: Mapping[str, float]) -> Mapping[str, float]:
    return {phase: spent[phase] for phase in phases}


def _imports(spent: Mapping[str, float]) -> Mapping[str, float]:
    """Of each package that takes a noticeable time; all others together."""
    named = {package: spent[package] for package in _PACKAGES if package in spent}
    everything = sum(seconds for phase, seconds in spent.items() if phase.startswith(_IMPORT))
    return {**named, f"{_IMPORT}other packages": everything - sum(named.values())}


def _medians(rows: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    return {part: median(row[part] for row in rows) for part in rows[0]}


if __name__ == "__main__":
    run_alone(measure)
