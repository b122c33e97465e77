"""A node of simulated H100 in a folder, with a power cap applied, and esnode in front of it.

Its driver is one in C that answers at once (see `still`), or the simulator's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.installed import POWER_CAP, Installed
from tests.benchmarks.still import StillDriver
from tests.benchmarks.timing import Command, run

CAPPED_AT: Final = 560
"""Watts: what the profile makes of an H100."""

NO_CHANGES: Final = "No changes. The hardware matches the profile."


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A folder with world.yaml and power-cap.es, and what esnode is run with there. `driver` is None on a simulator."""

    esnode: Installed
    place: Path
    env: Mapping[str, str]
    count: int
    driver: StillDriver | None

    def command(self, *words: str | Path, says: str = "", code: int = 0) -> Command:
        return Command(words=[self.esnode.esnode, *words], cwd=self.place, env=self.env, says=says, code=code)

    def apply_cap(self) -> None:
        run(self.command("plan", "-f", "power-cap.es", "-out", "cap.json", says=f"{self.count} to change"))
        run(self.command("apply", "cap.json", says=f"{self.count} applied, 0 failed"))
        assert self.driver is None or set(self.driver.limits) == {CAPPED_AT}, self.driver.limits
        run(self.command("plan", "-f", "power-cap.es", says=NO_CHANGES))

    def no_op_plan(self) -> Command:
        """Cold: reads the profile, the state and every GPU, stores what was read, says that nothing changes."""
        return self.command("plan", "-f", "power-cap.es", says=NO_CHANGES)

    def scan(self) -> Command:
        return self.command("scan", says="No drift.")


def on_still_driver(esnode: Installed, name: str, count: int) -> Bench:
    """AssertionError where the library cannot be built, see `still.has_compiler`."""
    place = _place(esnode, name, count, speed=0)
    driver = StillDriver(place, place / "world.yaml")
    return Bench(esnode=esnode, place=place, env=esnode.env(place, driver.env), count=count, driver=driver)


def on_simulator(esnode: Installed, name: str, count: int) -> Bench:
    place = _place(esnode, name, count, speed=1)
    env = esnode.env(place, {"ESNODE_SIMULATE": "world.yaml"})
    return Bench(esnode=esnode, place=place, env=env, count=count, driver=None)


def _place(esnode: Installed, name: str, count: int, *, speed: int) -> Path:
    """Where time stands (`speed` 0) a machine is the same when it is looked at again."""
    place = esnode.place(name)
    (place / "power-cap.es").write_bytes(POWER_CAP.read_bytes())
    init = ["sim", "init", "-board", "H100-SXM", "-count", str(count), "-speed", str(speed), "world.yaml"]
    run(Command(words=[esnode.esnode, *init], cwd=place, env=esnode.env(place), says=f"{count} GPU"))
    return place
