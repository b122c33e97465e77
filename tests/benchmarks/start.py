"""What it takes to start: `esnode version`, `-help` and `validate`, beside an interpreter that does nothing."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.installed import POWER_CAP, Installed, run_alone
from tests.benchmarks.paper import write_table
from tests.benchmarks.promises import Promises
from tests.benchmarks.timing import RUNS, Command, alternate, ms

MOST_OF_VERSION: Final = 4.0
"""Times `python -c pass`."""

_NOTHING: Final = "`python -c pass`"


def measure(esnode: Installed, promises: Promises) -> None:
    place = esnode.place("start")
    env = esnode.env(place)
    commands = {
        _NOTHING: Command(words=[esnode.python, "-c", "pass"], cwd=place, env=env),
        "`esnode version`": Command(words=[esnode.esnode, "version"], cwd=place, env=env, says="esnode v"),
        "`esnode --help`": Command(words=[esnode.esnode, "--help"], cwd=place, env=env, says="Commands:"),
        "`esnode validate power-cap.es`": Command(
            words=[esnode.esnode, "validate", POWER_CAP], cwd=place, env=env, says="Success!"
        ),
    }
    costs = alternate(commands)
    floor = costs[_NOTHING]
    rows = [(name, ms(cost.wall), ms(cost.cpu), f"{cost.wall / floor.wall:.1f}") for name, cost in costs.items()]
    header = ("command", "wall, ms", "CPU, ms", "times the interpreter's, by the clock")
    write_table("start", header, rows, remark=f"Medians of {RUNS} runs in turns.")
    ratio = costs["`esnode version`"].wall / floor.wall
    promises.at_most("`esnode version` beside `python -c pass`", ratio, MOST_OF_VERSION, " times")


if __name__ == "__main__":
    run_alone(measure)
