"""Everything that docs/performance.md promises, measured one after the other: `python -m tests.benchmarks`.

A part that fails stops no other. At the end all that was missed is named, and the exit code says whether there is any.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Final

from tests.benchmarks import applying, fleet, growth, loop_cost, no_op, phases, start, thermal
from tests.benchmarks.installed import Part, installed
from tests.benchmarks.promises import Promises

PARTS: Final[Mapping[str, Part]] = {
    "start": start.measure,
    "no_op": no_op.measure,
    "phases": phases.measure,
    "applying": applying.measure,
    "growth": growth.measure,
    "fleet": fleet.measure,
    "thermal": lambda _esnode, _promises: thermal.main(),
    "loop_cost": lambda _esnode, _promises: loop_cost.main(),
}


def main() -> None:
    promises = Promises()
    with installed() as esnode:
        for name, part in PARTS.items():
            print(f"\n== {name}", flush=True)
            try:
                part(esnode, promises)
            except Exception as failure:
                traceback.print_exception(failure)
                promises.missed(f"{name}: {failure}")
    promises.settle()


if __name__ == "__main__":
    main()
