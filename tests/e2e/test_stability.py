"""On the simulated machine a thermal policy finds its level and does not hunt around it, however coarse its steps."""

from __future__ import annotations

import contextlib
import io
import json
from functools import partial
from itertools import pairwise

import pytest

from esnode.cli.main import main
from tests.benchmarks.hall import Scenario
from tests.benchmarks.measures import spend
from tests.benchmarks.steering import esnode, nobody
from tests.cli.starter import import_everything

PROFILE = """
apiVersion: v1
kind: EfficiencyProfile
metadata: {name: lab, version: '1'}
policies:
  - name: thermal-safety
    target: gpu_temp_celsius
    condition: "> 82"
    action: {type: throttle_power, parameters: {step_watts: %d, min_watts: 300}}
"""


def said(*args: object) -> str:
    """What a command prints, run in this process: there are hundreds of them."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        assert main([str(arg) for arg in args]) == 0
    return out.getvalue()


@pytest.mark.parametrize("step_watts", [50, 150])
def test_a_thermal_policy_cools_and_never_oscillates(tmp_path, monkeypatch, step_watts):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESNODE_SIMULATE", "world.yaml")
    import_everything()  # once, and not in the driver's process of each command
    said("sim", "init", "-count", 1, "-speed", 0, "-ambient", 45, "world.yaml")
    (tmp_path / "profile.es").write_text(PROFILE % step_watts)
    limits: list[tuple[int, float]] = []
    for second in range(0, 5400, 20):
        said("sim", "set", "clock=+20s")
        if "No changes" not in said("plan", "-f", "profile.es", "-out", "plan.json"):
            said("apply", "plan.json")
        gpu = json.loads(said("sim", "show", "-json"))["gpus"][0]
        limits.append((second, gpu["power_limit_watts"]))
        assert second < 300 or gpu["temperature_celsius"] <= 84
    raises = [later for (_, low), (later, high) in pairwise(limits) if high > low]
    settled = [second for second in raises if second > 1200]
    assert all(later - earlier >= 600 for earlier, later in pairwise(settled))
    assert limits[-1][1] < 700


def test_the_loop_keeps_boards_in_warming_air_under_the_limit_with_few_writes():
    """The short form of what tests/benchmarks/thermal.py measures over a day: two hours, a board in the warm corner."""
    warming = Scenario(
        name="warming", workload="{utilization: 99, memory: 80}", begins=11.0, hours=2.0, boards=2, corner=1
    )
    unkept, kept = spend(warming, nobody), spend(warming, partial(esnode, interval=10.0))
    assert unkept.above_share > 0.5
    assert kept.settled_share < 0.005
    assert kept.settled_longest <= 30
    assert 0 < kept.settled_busiest <= 12
    assert kept.short_cycles == 0
    assert kept.work > 0.9 * unkept.work
