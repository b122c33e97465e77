"""An apply of 8 and of 16 power limits, each journalled, written, read back and recorded: beside Terraform's of as many
objects, and beside the bare fsyncs and setters that it is made of.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle
from statistics import median
from typing import Final

from tests.benchmarks import terraform
from tests.benchmarks.apply_floor import ApplyLab
from tests.benchmarks.installed import POWER_CAP, Installed, run_alone
from tests.benchmarks.no_op import NO_COMPILER
from tests.benchmarks.nodes import Bench, on_still_driver
from tests.benchmarks.paper import write_table
from tests.benchmarks.promises import Promises
from tests.benchmarks.still import has_compiler
from tests.benchmarks.terraform import Terraform
from tests.benchmarks.timing import RUNS, Command, alternate, ms, run

SIZES: Final = (8, 16)
SETTERS: Final = ("10ms", "0s")
"""How long a setter of the simulated driver takes. Users of real boards report 10 to 20 ms
(https://github.com/ml-energy/zeus/issues/29). With none it is as fast as no driver is, and nothing is promised."""
MOST_OF_THE_FLOOR: Final = 3.0

_CAPS: Final = {"power-cap.es": 560, "other-cap.es": 595}
"""Watts that each profile makes of an H100."""


class Caps:
    """One bench, whose power limits are planned to be the other cap each time."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        (bench.place / "other-cap.es").write_text(POWER_CAP.read_text().replace("80%", "85%"))
        self._next = cycle(_CAPS)
        self._asked = 0

    def plan(self) -> None:
        profile = next(self._next)
        self._asked = _CAPS[profile]
        says = f"{self.bench.count} to change"
        run(self.bench.command("plan", "-f", profile, "-out", "cap.json", says=says))

    def command(self) -> Command:
        bench = self.bench
        return Command(
            words=[bench.esnode.esnode, "apply", "cap.json"],
            cwd=bench.place,
            env=bench.env,
            says=self._says,
            prepare=self.plan,
            check=lambda _: self._check(),
        )

    @property
    def _says(self) -> str:
        return f"{self.bench.count} applied, 0 failed, 0 not started"

    def _check(self) -> None:
        assert self.bench.driver
        assert set(self.bench.driver.limits) == {self._asked}, self.bench.driver.limits


def measure(esnode: Installed, promises: Promises) -> None:
    rows = [row for count in SIZES for row in _beside_terraform(esnode, count)]
    write_table("apply", ("command", "wall, ms", "CPU, ms"), rows, remark=f"Medians of {RUNS} runs in turns.")
    floors = [_beside_the_floor(esnode, count, setters, promises) for setters in SETTERS for count in SIZES]
    header = (
        "power limits",
        "a setter waits",
        "fsyncs",
        "the apply itself, ms",
        "bare fsyncs and setters, ms",
        "times",
    )
    write_table("apply_floor", header, floors, remark=f"Medians of {RUNS} runs in turns.")


def _beside_terraform(esnode: Installed, count: int) -> Iterable[tuple[str, ...]]:
    ours, theirs = f"`esnode apply`, {count} power limits", f"`terraform apply`, {count} `terraform_data`"
    commands, absent = {}, []
    if has_compiler():
        commands[ours] = Caps(on_still_driver(esnode, f"apply-{count}", count)).command()
    else:
        absent.append((f"{ours}: {NO_COMPILER}", "", ""))
    if terraform.is_here():
        commands[theirs] = Terraform(esnode.place(f"terraform-apply-{count}"), count).prepare().apply()
    else:
        absent.append((f"{theirs}: {terraform.NOT_HERE}", "", ""))
    costs = alternate(commands)
    return [*((name, ms(cost.wall), ms(cost.cpu)) for name, cost in costs.items()), *absent]


def _beside_the_floor(esnode: Installed, count: int, setters: str, promises: Promises) -> tuple[str, ...]:
    lab = ApplyLab(esnode.folder / f"floor-{count}-{setters}", gpus=count, setters=setters)
    turns = [(lab.ours(), lab.floor()) for _ in range(RUNS)]
    ours, floor = (median(column) for column in zip(*turns, strict=True))
    what = f"an apply of {count} power limits beside its bare fsyncs and setters"
    if setters == SETTERS[0]:
        promises.at_most(what, ours / floor, MOST_OF_THE_FLOOR, " times")
    return (str(count), setters, str(len(lab.synced)), ms(ours), ms(floor), f"{ours / floor:.1f}")


if __name__ == "__main__":
    run_alone(measure)
