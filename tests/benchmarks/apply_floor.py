"""An apply of power limits beside the least that it can cost: the same files synced, the same setters called.

    lab = ApplyLab(folder, gpus=8)
    floor, ours = lab.floor(), lab.ours()

Both are seconds, with the driver open already, on one simulated machine that is as it was before each. Ours goes from
the bytes of the plan to the report: the plan read and checked, the machine looked at, claims, journal, writes,
read-back, audit log, state and history.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

import pynvml

from esnode.engine.preflight import Expectations, check_plan
from esnode.model.needs import NOTHING_MORE
from esnode.simulator.world import open_world
from esnode.storage.locks import locked, user_name
from esnode.storage.plans import read_plan
from esnode.storage.states import StateFile
from esnode.views.apply import apply_view
from esnode.wiring.applying import Execution, execute, ready
from esnode.wiring.machine import facts, open_machine
from tests.cli.run import esnode

MILLIWATTS: Final = 560_000
_WORLD, _STATE, _PLAN = Path("lab.yaml"), Path("esnode.state.json"), Path("plan.json")


@dataclass(frozen=True, slots=True)
class Synced:
    """A file or a directory that was synced, relative to the lab, and how large it was. A directory has no size."""

    path: Path
    size: int | None


class ApplyLab:
    """A machine of GPUs with a saved plan to cap each of them, in a folder that is not there yet.

    `setters` is how long each setter of the simulated driver takes beside its own work: `10ms`.
    """

    def __init__(self, folder: Path, gpus: int, setters: str = "0s") -> None:
        self.folder, self.gpus = folder, gpus
        self._pristine = folder.with_name(f"{folder.name}.pristine")
        self._pristine.mkdir(parents=True)
        (self._pristine / _WORLD).write_text(
            "apiVersion: v1\nkind: SimulatedMachine\nname: lab\nmachine_id: 5d1f0c2ab8e94f6d9a77c0de00000001\n"
            f"persistence: true\nlatency: {{setters: {setters}}}\ngpus: [{{board: H100-SXM, count: {gpus}}}]\n"
        )
        (self._pristine / "cap.es").write_text(
            "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: cap, version: 1.0.0}\n"
            f"settings: {{power_limit_watts: {MILLIWATTS // 1000}}}\npolicies: []\n"
        )
        words = ("plan", "-f", "cap.es", "-simulate", _WORLD, "-out", _PLAN)
        planned = esnode(*words, cwd=self._pristine)
        assert f"{gpus} to change" in planned.out, planned
        self.synced: list[Synced] = []
        """What an apply syncs, in its order."""
        with mock.patch.object(os, "fsync", self._record(os.fsync)):
            self.ours()

    def ours(self) -> float:
        """Seconds in which esnode applies the saved plan, in this process and its driver's."""
        with self._anew(), open_machine(_WORLD, facts(None, is_this_machine=False)) as machine:
            machine.observe(NOTHING_MORE)  # the driver is open, and what looking needs is loaded
            view = apply_view(as_json=True, no_color=True)
            with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
                began = time.perf_counter()
                plan, digest = read_plan(_PLAN)
                check_plan(plan, digest, Expectations())
                file = StateFile(_STATE, operation="apply")
                how = Execution(view=view, user=user_name(), simulate=_WORLD, digest=digest, lock_timeout=10)
                with locked(_STATE, "apply"):
                    state, observation = ready(plan, file, machine, Expectations(), view, loop=None)
                    report = execute(plan, state, observation, file, machine, how)
                took = time.perf_counter() - began
            assert report.is_complete
            assert len(report.steps) == self.gpus
            assert not file.load().managed.journal
            self._check_written()
        return took

    def floor(self) -> float:
        """Seconds that the same syncs of files of the same sizes, and the same bare setters, take."""
        with self._anew(), open_world(_WORLD).plug():
            pynvml.nvmlInit()
            handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(self.gpus)]
            data = {synced: bytes(synced.size or 0) for synced in self.synced}
            for synced in self.synced:
                synced.path.parent.mkdir(exist_ok=True)
            began = time.perf_counter()
            for synced in self.synced:
                _sync(synced, data[synced])
            for handle in handles:
                pynvml.nvmlDeviceSetPowerManagementLimit(handle, MILLIWATTS)
            took = time.perf_counter() - began
            pynvml.nvmlShutdown()
            self._check_written()
        return took

    @contextlib.contextmanager
    def _anew(self) -> Iterator[None]:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._pristine, self.folder)
        with contextlib.chdir(self.folder):
            yield

    def _check_written(self) -> None:
        """As another program would see it."""
        limits = [gpu.requested_mw for gpu in open_world(_WORLD).gpus]
        assert limits == [MILLIWATTS] * self.gpus, limits

    def _record(self, fsync: Callable[[int], None]) -> Callable[[int], None]:
        def recorded(handle: int) -> None:
            fsync(handle)
            path, found = Path(f"/proc/self/fd/{handle}").readlink(), os.fstat(handle)
            size = None if stat.S_ISDIR(found.st_mode) else found.st_size
            self.synced.append(Synced(path.relative_to(self.folder.resolve()), size))

        return recorded


def _sync(synced: Synced, data: bytes) -> None:
    """A file is written, synced and put in its place, a directory synced."""
    if synced.size is None:
        handle = os.open(synced.path, os.O_RDONLY | os.O_DIRECTORY)
    else:
        handle = os.open(synced.path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(handle, data)
    os.fsync(handle)
    os.close(handle)
    if synced.size is not None:
        synced.path.replace(synced.path.with_suffix(".synced"))
