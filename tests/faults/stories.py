"""What esnode is doing when it is killed: each story prepares a machine and names the command that dies."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

HEAD = "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: lab, version: '1'}\n"
EVERYTHING = HEAD + (
    "settings: {power_limit_watts: 600, graphics_clock_mhz: {min: 1005, max: 1800}, persistence_mode: true,\n"
    "  compute_mode: exclusive_process}\npolicies: []\n"
)
HOT_OR_IDLE = HEAD + (
    "policies:\n"
    "  - {name: hot, target: gpu_temp_celsius, condition: '> 82',\n"
    "     action: {type: throttle_power, parameters: {step_watts: 50, min_watts: 300}}}\n"
    "  - {name: idle, target: gpu_utilization, condition: '< 5%',\n"
    "     action: {type: lock_clock, parameters: {frequency_mhz: 210}}}\n"
)
APPLY = ("apply", "plan.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """`prepare` leads up to the command; it leaves `original.json`, the panel before esnode's first write."""

    prepare: Callable[[Any], None]
    command: tuple[str, ...] = APPLY


def _machine(stage: Any, profile: str) -> None:
    stage.must("sim", "init", "-board", "H100-SXM", "-count", "3", "-speed", "0", "world.yaml")
    # One GPU has a limit of its site's own, one is not persistent, one is as it came.
    stage.set(0, power_limit_watts="680")
    stage.set(1, persistence_mode="off")
    stage.set("all", gpu_temp_celsius="60", gpu_utilization="90")
    (stage.folder / "profile.es").write_text(profile)
    (stage.folder / "original.json").write_text(json.dumps(stage.panel()))


def _plan(stage: Any) -> None:
    stage.must("plan", "-f", "profile.es", "-out", "plan.json")


def _every_setting(stage: Any) -> None:
    _machine(stage, EVERYTHING)
    _plan(stage)


def _given_back(stage: Any) -> None:
    _every_setting(stage)
    stage.must(*APPLY)
    (stage.folder / "profile.es").unlink()
    stage.must("destroy", "-out", "plan.json")


def _hold_begins(stage: Any) -> None:
    _machine(stage, HOT_OR_IDLE)
    stage.set("all", persistence_mode="on")
    (stage.folder / "original.json").write_text(json.dumps(stage.panel()))
    stage.set(0, gpu_temp_celsius="85")
    stage.set(1, gpu_utilization="0")
    stage.set(2, gpu_temp_celsius="85", gpu_utilization="0")
    _plan(stage)


def _hold_steps(stage: Any) -> None:
    _hold_begins(stage)
    stage.must(*APPLY)
    stage.set(None, clock="+40s")
    _plan(stage)


def _hold_ends(stage: Any) -> None:
    _hold_begins(stage)
    stage.must(*APPLY)
    stage.set("all", gpu_temp_celsius="60", gpu_utilization="90")
    stage.set(None, clock="+10s")
    _plan(stage)
    stage.set(None, clock="+70s")
    _plan(stage)


def _recovery(stage: Any) -> None:
    """An apply died between the writes of a batch and their record; its recovery dies, too."""
    from tests.faults.crashing import Boundaries

    _every_setting(stage)
    before = stage.panel()
    for kill_at in itertools.count(20):
        died = stage.copy(stage.folder.with_name(f"died at {kill_at}"))
        died.run(*APPLY, before=Boundaries(kill_at, lambda: None).lay)
        journal = died.document("esnode.state.json")["managed"]["journal"]
        if len(journal) == 3 and died.panel() != before:
            shutil.rmtree(stage.folder)
            died.folder.rename(stage.folder)
            return


STORIES = {
    "every setting": Story(prepare=_every_setting),
    "given back": Story(prepare=_given_back),
    "hold begins": Story(prepare=_hold_begins),
    "hold steps": Story(prepare=_hold_steps),
    "hold ends": Story(prepare=_hold_ends),
    "recovery": Story(prepare=_recovery, command=("plan", "-f", "profile.es", "-out", "fresh.json")),
}
