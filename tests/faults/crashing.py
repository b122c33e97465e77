"""Kills esnode at the k-th step boundary of a run, from outside of the product's code.

Run as a process of its own (`python -m tests.faults.crashing STORY FAULT STRIDE`), it tells one story over and over:
each time a real SIGKILL falls one boundary later, until the run comes through. After each kill it asks what a person
would ask: does a fresh plan tell the truth, is every baseline still known, does destroy bring everything back?

A boundary is the moment before a file is synced, before it is renamed, before its folder is synced and after it was
saved; and, in the driver's process, before a write, between a write and its read-back, and after that.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from esnode.actuators.gpu import GpuActuator
from esnode.cli.main import main
from esnode.model.audit import AuditResult
from esnode.model.plan import gpu_address
from esnode.model.state import State
from esnode.simulator.world import open_world
from esnode.storage.audit import AuditLog
from esnode.storage.states import StateFile
from tests.cli.starter import import_everything
from tests.faults.stories import STORIES, Story

import_everything()
gc.freeze()
# Each command is a fork: what all of them need is loaded once, and no page of it copied for being looked at.

Panel = dict[str, dict[str, Any]]


class Boundaries:
    """Counts boundaries across the processes of one run; at the chosen one the run is over."""

    def __init__(self, kill_at: int, on_write: Callable[[], None]) -> None:
        self.kill_at = kill_at
        self.on_write = on_write
        self.count = mmap.mmap(-1, 8)
        self.run = 0
        self.guard = threading.Lock()

    def reach(self) -> None:
        with self.guard:
            number = int.from_bytes(self.count[:8], "big") + 1
            self.count[:8] = number.to_bytes(8, "big")
            if number == self.kill_at:
                os.kill(self.run, signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)

    def lay(self) -> None:
        """Put the boundaries around what esnode calls, in this process, which is the run, and those it forks."""
        self.run = os.getpid()
        self._before(os, "fsync")
        self._before(os, "replace", unless=lambda _, target: "registers" in str(target))
        self._after(StateFile, "save")
        self._before(GpuActuator, "write", then=self.on_write)
        self._after(GpuActuator, "write")
        self._after(GpuActuator, "read_back")

    def _before(self, owner: Any, name: str, *, unless: Any = None, then: Any = None) -> None:
        real = getattr(owner, name)

        def bounded(*arguments: Any, **named: Any) -> Any:
            if not (unless and unless(*arguments)):
                self.reach()
            if then:
                then()
            return real(*arguments, **named)

        setattr(owner, name, bounded)

    def _after(self, owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def bounded(*arguments: Any, **named: Any) -> Any:
            try:
                return real(*arguments, **named)
            finally:
                self.reach()

        setattr(owner, name, bounded)


class Lost(AssertionError):
    """Something that must never be lost was."""


class Machine:
    """One folder with a simulated machine, and esnode on it, each command in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, before: Callable[[], None] = lambda: None) -> int:
        """The command's exit code, or minus the signal that ended it."""
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                os.chdir(self.folder)
                os.environ["ESNODE_SIMULATE"] = "world.yaml"
                output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(output, 1)
                os.dup2(output, 2)
                sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
                before()
                code = main(list(words))
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)
        status = os.waitpid(pid, 0)[1]
        return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

    def must(self, *words: str) -> None:
        code = self.run(*words)
        if code != 0:
            raise Lost(f"esnode {' '.join(words)} ended with {code}:\n{self.output()}")

    def output(self) -> str:
        path = self.folder / "output.txt"
        return path.read_text()[-3000:] if path.exists() else ""

    def set(self, target: Any, **assignments: str) -> None:
        open_world(self.folder / "world.yaml").set(target, assignments)

    def panel(self) -> Panel:
        """What the hardware is really set to, by UUID."""
        return {
            row.uuid: {
                "power_limit_watts": row.power_limit_watts,
                "persistence_mode": row.persistence,
                "compute_mode": row.compute_mode,
                "graphics_clock_mhz": _plain(row.graphics_lock),
                "memory_clock_mhz": _plain(row.memory_lock),
            }
            for row in open_world(self.folder / "world.yaml").front_panel()
        }

    def document(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        return document

    def copy(self, folder: Path) -> Machine:
        shutil.copytree(self.folder, folder)
        return Machine(folder)


def _plain(lock: Any) -> dict[str, int] | None:
    return None if lock is None else {"min": lock.min, "max": lock.max}


# -- what must hold after a crash --------------------------------------------------------------


def check_truth(machine: Machine, original: Panel, *, unreadable: str = "") -> None:
    """The state after a fresh plan: true to the hardware, and able to bring everything back."""
    managed = machine.document("esnode.state.json")["managed"]
    plan = machine.document("fresh.json")
    drifted = {(entry["gpu"]["uuid"], name) for entry in plan["resource_drift"] for name in entry["change"]["before"]}
    left = [key for key in managed["journal"] if not (unreadable and unreadable in key)]
    if left:
        raise Lost(f"the journal still has {left}")
    for uuid, settings in machine.panel().items():
        if uuid == unreadable:
            continue
        records = managed["gpus"].get(uuid, {}).get("settings", {})
        for name, value in settings.items():
            record = records.get(name)
            if value != original[uuid][name] and record is None:
                raise Lost(f"{name} of {uuid} is {value}, was {original[uuid][name]}, and is not managed")
            if record is None:
                continue
            is_lock = "clock" in name
            if not is_lock and record["baseline"] != original[uuid][name]:
                raise Lost(f"the baseline of {name} of {uuid} is {record['baseline']}, was {original[uuid][name]}")
            if record["applied"] != value and record.get("certain", True) and (uuid, name) not in drifted:
                raise Lost(f"{name} of {uuid} is {value}, and the record says {record['applied']}")


def check_audit(machine: Machine) -> None:
    """What was done is written down, each action once, and what the record says was applied is in the log."""
    entries = AuditLog(machine.folder / "esnode.state.json").tail(None)
    actions = [entry.identity for entry in entries]
    twice = {action for action in actions if actions.count(action) > 1}
    if twice:
        raise Lost(f"in the audit log more than once: {sorted(twice)}")
    told = [
        (entry.address, entry.setting, entry.after[entry.setting])
        for entry in entries
        if entry.result is not AuditResult.FAILED and entry.setting in entry.after
    ]
    for uuid, record in load_state(machine).managed.gpus.items():
        for name, managed in record.settings.items():
            if (gpu_address(uuid), name, managed.applied) not in told and managed.certain:
                raise Lost(f"{name} of {uuid} was set to {managed.applied}, and the audit log does not know it")


def load_state(machine: Machine) -> State:
    return StateFile(machine.folder / "esnode.state.json").load()


def check_way_back(machine: Machine, original: Panel) -> None:
    machine.must("destroy", "-out", "back.json")
    machine.must("apply", "back.json")
    if machine.panel() != original:
        raise Lost(f"after destroy: {machine.panel()}\nbefore the first apply: {original}")
    gpus = machine.document("esnode.state.json")["managed"]["gpus"]
    if any(gpu["settings"] or gpu["holds"] for gpu in gpus.values()):
        raise Lost(f"after destroy something is still managed: {gpus}")


def check_way_on(machine: Machine) -> None:
    """The fresh plan can be applied, and then, as in another plan of nothing, there is nothing left to do."""
    if machine.document("fresh.json")["resource_changes"]:
        machine.must("apply", "fresh.json")
    machine.must("plan", *machine_words(machine), "-out", "fresh.json")
    left = machine.document("fresh.json")["resource_changes"]
    if left:
        raise Lost(f"an applied plan left changes behind: {left}")


def machine_words(machine: Machine) -> list[str]:
    return ["-f", "profile.es"] if (machine.folder / "profile.es").exists() else ["-destroy"]


# -- one story ---------------------------------------------------------------------------------


def tell(story: Story, fault: str, stride: int, folder: Path) -> tuple[int, list[str]]:
    """How many points the story was killed at, and what went wrong after which."""
    stage = Machine(folder / "stage")
    stage.folder.mkdir()
    story.prepare(stage)
    original: Panel = json.loads((stage.folder / "original.json").read_text())
    points, failures = 0, []
    for kill_at in _numbers(stride):
        machine = stage.copy(folder / f"{kill_at}")
        boundaries = Boundaries(kill_at, _fault_on_first_write(machine, fault))
        _arm(machine, fault)
        code = machine.run(*story.command, before=boundaries.lay)
        if code != -signal.SIGKILL:
            shutil.rmtree(machine.folder)
            break
        points += 1
        try:
            _after_the_crash(machine, original, fault, goes_on=points % 2 == 1)
            shutil.rmtree(machine.folder)
        except Lost as lost:
            failures.append(f"killed at boundary {kill_at}: {lost}")
    return points, failures


def _numbers(stride: int) -> Iterator[int]:
    number = 1
    while True:
        yield number
        number += stride


def _after_the_crash(machine: Machine, original: Panel, fault: str, *, goes_on: bool) -> None:
    words = machine_words(machine)
    if fault == "vanishing":
        # While the GPU is away nothing of it is decided, and nothing forgotten.
        machine.must("plan", *words, "-out", "fresh.json")
        check_truth(machine, original, unreadable=_uuid(machine, 1))
    machine.set("all", fault="none")
    machine.must("plan", *words, "-out", "fresh.json")
    check_truth(machine, original)
    check_audit(machine)
    if goes_on:
        check_way_on(machine)
        check_truth(machine, original)
    check_way_back(machine, original)
    check_audit(machine)


def _uuid(machine: Machine, index: int) -> str:
    return list(machine.panel())[index]


_FAULTS = {"lying": "lying_setter", "slow": "slow:3", "failing": "no_permission"}


def _arm(machine: Machine, fault: str) -> None:
    if fault in _FAULTS:
        machine.set(1, fault=_FAULTS[fault])


def _fault_on_first_write(machine: Machine, fault: str) -> Callable[[], None]:
    """What happens to the hardware when the first write has begun."""
    struck = mmap.mmap(-1, 1)

    def strike() -> None:
        if struck[0]:
            return
        struck[0] = 1
        if fault == "vanishing":
            machine.set(1, fault="gpu_lost")

    return strike


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        count, wrong = tell(STORIES[sys.argv[1]], sys.argv[2], int(sys.argv[3]), Path(place))
    print(json.dumps({"points": count, "failures": wrong}))
