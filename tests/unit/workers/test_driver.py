"""The driver's process and slow GPUs: in scripts of their own, because forking is for the single-threaded."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.unit.simulator.worlds import a_world

PRELUDE = """
import sys, threading, types
from pathlib import Path
from esnode.model.needs import NOTHING_MORE
from esnode.model.writes import Write
from esnode.simulator import library
from esnode.wiring.machine import facts, open_machine

def meet(seconds):
    # Where the simulated driver takes its time: nobody leaves before all four GPUs have come.
    everybody.wait()

everybody = threading.Barrier(4, timeout=50)
library.time = types.SimpleNamespace(sleep=meet, monotonic=library.time.monotonic)
"""


def run(folder: Path, body: str) -> list[str]:
    """What a script prints that has a machine of four GPUs, cold and with slow setters, as `machine`."""
    world = a_world(
        folder,
        gpus="[{board: H100-SXM, count: 4}]",
        persistence="false",
        latency="{setters: 20ms, cold_handle: 2s}",
    )
    opened = (
        f"with open_machine(Path({str(world.path)!r}), facts(None, is_this_machine=False), timeout=100) as machine:\n"
    )
    script = PRELUDE + opened + textwrap.indent(textwrap.dedent(body), "    ")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_gpus_that_take_long_to_wake_up_are_observed_side_by_side(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        """
        seen = machine.observe(NOTHING_MORE)
        print([gpu.identity.index for gpu in seen.gpus], [gpu.failure for gpu in seen.gpus], seen.unidentified)
        """,
    )
    assert said == ["[0, 1, 2, 3] [None, None, None, None] ()"]


def test_setters_of_several_gpus_take_their_time_side_by_side_and_answer_in_order(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        """
        gpus = machine.observe(NOTHING_MORE).gpus
        named = [(gpu.identity.uuid, 400.0 + gpu.identity.index) for gpu in gpus]
        writes = [Write(uuid=uuid, setting="power_limit_watts", value=watts) for uuid, watts in named]
        print([(written.error, written.read_back) for written in machine.actuator().write_all(writes)])
        """,
    )
    assert said == ["[(None, 400.0), (None, 401.0), (None, 402.0), (None, 403.0)]"]
