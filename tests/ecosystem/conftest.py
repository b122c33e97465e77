"""Plans that our command wrote, one of each kind, on one simulated machine."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import esnode
from tests.e2e.processes import running
from tests.receivers import http_receiving

Changes = dict[str, str]
"""An address, and what happens to it."""

_MACHINE = """apiVersion: v1
kind: SimulatedMachine
name: lab
speed: 0
gpus:
  - board: H100-SXM
    workload: {{utilization: 99, memory: 5}}
    processes:
      - {{pid: {pid}, name: job, memory_mib: 60000, type: compute}}
  - board: H100-SXM
    workload: {{utilization: 0, memory: 5}}
"""

_HEAD = "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: power-cap, version: '1'}\n"

_EVERYTHING = """settings: {power_limit_watts: 600}
policies:
  - name: hot
    target: gpu_power_watts
    condition: "> 500"
    action: {type: alert, channel: oncall}
  - name: crowded
    target: memory_allocated_percent
    condition: "> 60%"
    action: {type: kill_process, parameters: {grace_period_seconds: 1}}
"""


@dataclass(frozen=True)
class SavedPlan:
    """A plan file, and the sentence in which our command summed it up."""

    path: Path
    summary: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.path.read_bytes())
        return document

    def changes(self) -> Changes:
        return {
            change["address"]: "+".join(change["change"]["actions"]) for change in self.document["resource_changes"]
        }

    def addresses(self, kind: str) -> list[str]:
        return sorted(address for address in self.changes() if address.startswith(f"{kind}["))


Plans = dict[str, SavedPlan]


class _Machine:
    def __init__(self, folder: Path, saved: Path) -> None:
        self.folder, self.saved = folder, saved
        self.plans: Plans = {}

    def run(self, *words: object) -> str:
        done = esnode(*words, cwd=self.folder, env={"ESNODE_SIMULATE": "world.yaml", "ESNODE_NODE": "node.yaml"})
        assert done.code == 0, done.err
        return done.out

    def wants(self, body: str) -> None:
        (self.folder / "profile.es").write_text(_HEAD + body)

    def channels(self, channels: dict[str, Any]) -> None:
        (self.folder / "node.yaml").write_text(json.dumps({"channels": channels}))

    def save(self, name: str, *words: object) -> None:
        """Plan, and keep the plan under this name."""
        out = self.run(*(words or ("plan", "-f", "profile.es")), "-out", "plan.json")
        shutil.copy(self.folder / "plan.json", self.saved / f"{name}.json")
        said = re.findall(r"^(?:Plan: |No changes\.).*$", out, re.MULTILINE)
        self.plans[name] = SavedPlan(self.saved / f"{name}.json", said[-1])


@pytest.fixture(scope="session")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plans]:
    """One plan of each kind: it changes, gives back, forgets, corrects or accepts drift, or does nothing."""
    machine = _Machine(tmp_path_factory.mktemp("machine"), tmp_path_factory.mktemp("plans"))
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ESNODE_")]:
            patch.delenv(name)
        _live(machine)
    yield machine.plans


def _live(machine: _Machine) -> None:
    with http_receiving() as receiver, running("greedy") as greedy:
        (machine.folder / "world.yaml").write_text(_MACHINE.format(pid=greedy.pid))
        machine.channels({"oncall": {"webhook": receiver.url}})
        machine.wants("settings: {power_limit_watts: 250}\npolicies: []\n")
        machine.save("low")
        machine.wants(_EVERYTHING)
        machine.save("changes")
        machine.run("apply", "plan.json")
        machine.run("sim", "set", "0", "gpu_utilization=99")  # somebody else's work
        machine.save("nothing")
        machine.run("sim", "set", "1", "power_limit_watts=680")
        machine.save("drift")
        machine.save("accepted", "plan", "-refresh-only")
        machine.wants("policies: []\n")
        machine.save("ends")
        machine.channels({"elsewhere": {"webhook": receiver.url}})
        for index in (0, 1):
            machine.run("sim", "set", index, "power_limit_watts=700")
        machine.save("forgets")
