"""What `esnode enforce` costs: eight boards, three profiles, a look every second, in real time.

The loop keeps a simulated machine, whose driver and clock cost more than all of esnode: both are metered and
subtracted. Fails where the loop did not do its work, and where it costs more than docs/performance.md says.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from tests.benchmarks.family import children_of, cpu_seconds, pss_megabytes
from tests.benchmarks.meter import price_of_a_call, read_meter
from tests.benchmarks.paper import write_table
from tests.cli.run import esnode
from tests.places import EXAMPLES, PROJECT

PROFILES: Final = ("thermal-safety.es", "power-cap.es", "alerting.es")
WARM_UP: Final = 20.0
WINDOWS: Final = 3
WINDOW: Final = 30.0
SCRAPE_EVERY: Final = 15.0
MOST_PERCENT: Final = 1.0
MOST_MEGABYTES: Final = 90.0
CAPPED_AT: Final = 560
"""Watts: what power-cap.es makes of an H100."""


class Costs(NamedTuple):
    """Percent of one core. `driver` is the driver's process without NVML, `nvml` that and the simulated clock."""

    loop: float
    driver: float
    listener: float
    nvml: float

    @property
    def ours(self) -> float:
        return self.loop + self.driver + self.listener


class Running:
    """A loop that is measured. The listener's process is forked before the driver's."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], address: str) -> None:
        self.folder, self.process, self._address = folder, process, address
        self.listener, self.driver = children_of(process.pid)
        self._price = price_of_a_call()
        self.get("/metrics")  # what answering needs is loaded by the first who asks

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self._address}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def cycles(self) -> int:
        status: dict[str, Any] = json.loads(self.get("/status"))
        assert status["consecutive_failures"] == 0, status["failure"]
        return int(status["counters"]["cycles_ok"])

    def wait_and_scrape(self, seconds: float) -> None:
        """As a Prometheus does meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            assert "esnode_" in self.get("/metrics")
            time.sleep(min(SCRAPE_EVERY, left))

    def measure(self, seconds: float) -> Costs:
        before, began = self._account(), time.monotonic()
        self.wait_and_scrape(seconds)
        after, passed = self._account(), time.monotonic() - began
        spent = [100 * (late - early) / passed for early, late in zip(before, after, strict=True)]
        loop, driver, listener, nvml, clock = spent
        assert min(nvml, clock, driver - nvml) > 0, f"something was not metered: {spent}"
        return Costs(loop=loop - clock, driver=driver - nvml, listener=listener, nvml=nvml + clock)

    def memory(self) -> float:
        return sum(map(pss_megabytes, (self.process.pid, self.driver, self.listener)))

    def _account(self) -> tuple[float, ...]:
        """CPU seconds by now: of the three processes, and of what is metered in them, with the price of that."""
        metered = [row.seconds + row.calls * self._price for row in read_meter(self.folder / "meter")]
        return (*map(cpu_seconds, (self.process.pid, self.driver, self.listener)), *metered)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Running]:
    made = esnode("sim", "init", "-board", "H100-SXM", "-count", 8, "world.yaml", cwd=folder)
    assert made.code == 0, made.err
    words = [word for name in PROFILES for word in ("-f", str(EXAMPLES / "profiles" / name))]
    command = [sys.executable, "-m", "tests.benchmarks.meter", "meter", "enforce", *words]
    command += ["-interval", "1s", "-listen", "127.0.0.1:0"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "ESNODE_SIMULATE": "world.yaml", "PYTHONPATH": str(PROJECT)},
            stdout=log,
            stderr=log,
        )
    try:
        time.sleep(WARM_UP)
        assert process.poll() is None, (folder / "log").read_text()
        sign = json.loads((folder / "esnode.state.json.loop").read_text())
        yield Running(folder, process, sign["listen"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main() -> None:
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as loop:
        panel = json.loads(esnode("sim", "show", "-json", "-simulate", "world.yaml", cwd=loop.folder).out)["gpus"]
        assert [gpu["power_limit_watts"] for gpu in panel] == [CAPPED_AT] * 8, (loop.folder / "log").read_text()
        began, cycles = time.monotonic(), loop.cycles()
        windows = [loop.measure(WINDOW) for _ in range(WINDOWS)]
        passed, done = time.monotonic() - began, loop.cycles() - cycles
        memory = loop.memory()
    assert done >= 0.9 * passed, f"only {done} cycles in {passed:.0f} s"
    costs = Costs(*(median(column) for column in zip(*windows, strict=True)))
    rows = [
        ("the loop", costs.loop),
        ("the driver's process, without NVML", costs.driver),
        ("the listener, scraped every 15 s", costs.listener),
        ("**esnode**", costs.ours),
        ("NVML, simulated here, and the simulated clock", costs.nvml),
    ]
    per_cycle = 10 * passed / done  # a hundredth of a core for a second is 10 ms
    write_table(
        "loop_cost",
        ("part", "CPU, % of one core", "CPU per look, ms"),
        [(what, f"{percent:.2f}", f"{percent * per_cycle:.1f}") for what, percent in rows],
        remark=f"All three processes together hold {memory:.0f} MB (PSS). Medians of {WINDOWS} times {WINDOW:.0f} s.",
    )
    assert costs.ours < MOST_PERCENT, f"{costs.ours:.2f} % of a core, {MOST_PERCENT} at most: {windows}"
    assert memory < MOST_MEGABYTES, f"{memory} MB are more than {MOST_MEGABYTES} MB"


if __name__ == "__main__":
    main()
