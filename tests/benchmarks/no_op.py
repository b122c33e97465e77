"""A plan that changes nothing, cold, of eight GPUs: beside Terraform's of eight objects, beside bare NVML, and what a
simulated driver adds to it. With it the other commands that only look: a scan, a plan from a capture.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.benchmarks import bare_pynvml, terraform
from tests.benchmarks.captures import write_capture
from tests.benchmarks.installed import Installed, run_alone
from tests.benchmarks.nodes import Bench, on_simulator, on_still_driver
from tests.benchmarks.paper import write_table
from tests.benchmarks.promises import Promises
from tests.benchmarks.still import has_compiler
from tests.benchmarks.terraform import Terraform
from tests.benchmarks.timing import RUNS, Command, Cost, alternate, ms, run

GPUS: Final = 8
MOST_OF_TERRAFORM: Final = 2.5
NO_COMPILER: Final = "there is no C compiler (cc): not measured"

_TERRAFORM: Final = "`terraform plan`, 8 `terraform_data`"
_PLAN: Final = "`esnode plan`, a driver in C"
_PLAN_SIMULATED: Final = "`esnode plan -simulate`"
_BARE: Final = "bare pynvml, the same driver in C"
_SCAN: Final = "`esnode scan`"
_CAPTURE: Final = "`esnode plan -capture`"
_CIRCUMSTANCES: Final = frozenset(
    {"checksum", "expires_at", "node", "origin", "prior_state", "session", "timestamp"},
)
_HEADER: Final = ("command", "wall, ms", "CPU, ms", "peak memory, MB")


def measure(esnode: Installed, promises: Promises) -> None:
    commands: dict[str, Command] = {}
    if terraform.is_here():
        commands[_TERRAFORM] = Terraform(esnode.place("terraform"), GPUS).prepare().plan()
    simulated = on_simulator(esnode, "simulated", GPUS)
    simulated.apply_cap()
    if has_compiler():
        still = on_still_driver(esnode, "still", GPUS)
        _compare_first_plans(still, simulated.place / "world.yaml")
        still.apply_cap()
        commands[_PLAN] = still.no_op_plan()
        commands[_BARE] = Command(
            words=[esnode.python, bare_pynvml.__file__], cwd=still.place, env=still.env, says=f"{GPUS} GPUs, 219 facts"
        )
        commands[_SCAN] = still.scan()
    commands[_PLAN_SIMULATED] = simulated.no_op_plan()
    commands[_CAPTURE] = _of_a_capture(simulated)
    costs = alternate(commands)
    write_table("no_op", _HEADER, _no_op_rows(costs), remark=_remark())
    write_table("looks", _HEADER, [_row(name, costs) for name in (_SCAN, _CAPTURE)], remark=_remark())
    if _PLAN in costs and _TERRAFORM in costs:
        ratio = costs[_PLAN].wall / costs[_TERRAFORM].wall
        promises.at_most("a no-op plan beside Terraform's", ratio, MOST_OF_TERRAFORM, " times")


def _no_op_rows(costs: Mapping[str, Cost]) -> list[tuple[str, ...]]:
    rows = [_row(name, costs) for name in (_TERRAFORM, _PLAN, _BARE, _PLAN_SIMULATED)]
    if _PLAN in costs:
        plan, simulated = costs[_PLAN], costs[_PLAN_SIMULATED]
        added = ms(simulated.wall - plan.wall), ms(simulated.cpu - plan.cpu)
        rows.append(("what simulating NVML in Python adds", *added, ""))
    if _PLAN in costs and _TERRAFORM in costs:
        plan, theirs = costs[_PLAN], costs[_TERRAFORM]
        times = f"{plan.wall / theirs.wall:.2f} times", f"{plan.cpu / theirs.cpu:.2f} times"
        rows.append(("**`esnode plan` beside `terraform plan`**", *times, f"{plan.peak / theirs.peak:.2f} times"))
    return rows


def _row(name: str, costs: Mapping[str, Cost]) -> tuple[str, ...]:
    if name not in costs:
        return (name, terraform.NOT_HERE if name == _TERRAFORM else NO_COMPILER, "", "")
    cost = costs[name]
    return (name, ms(cost.wall), ms(cost.cpu), f"{cost.peak:.0f}")


def _remark() -> str:
    return f"Medians of {RUNS} runs in turns."


def _what_is_shown(document: Any) -> Any:
    """A plan without what depends on when and where it was made."""
    if isinstance(document, dict):
        return {name: _what_is_shown(part) for name, part in document.items() if name not in _CIRCUMSTANCES}
    return [_what_is_shown(part) for part in document] if isinstance(document, list) else document


def _of_a_capture(bench: Bench) -> Command:
    return bench.command(
        "plan", "-f", "power-cap.es", "-capture", write_capture(bench.place / "node.xml", GPUS), says="8 to change"
    )


def _compare_first_plans(still: Bench, world: Path) -> None:
    """A plan on the driver in C and one on the simulator must be the same, before anything is applied."""
    plan = ("plan", "-f", "power-cap.es", "-out")
    run(still.command(*plan, "still.json", says=f"{still.count} to change"))
    words = (*plan, "simulated.json", "-simulate", still.place / "world.yaml", "-state", "simulated.state.json")
    run(still.command(*words, says=f"{still.count} to change"))
    shown = [_what_is_shown(json.loads((still.place / f"{name}.json").read_bytes())) for name in ("still", "simulated")]
    assert shown[0] == shown[1], "the driver in C does not show what the simulator shows"


if __name__ == "__main__":
    run_alone(measure)
