"""Where a soak takes place: a simulated machine with eight GPUs, three profiles, and a disk for the state."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from esnode.simulator.panel import PanelRow
from esnode.simulator.world import World, open_world
from tests.cli.run import Result, esnode

GPUS = 8
CAPPED = (4, 5, 6, 7)
"""The GPUs of the base layer: a limit of their own before, managed from the first cycle to the last."""

FOUGHT = (5, 6)
"""Those of which another program changes the power limit again and again."""

_WORLD = """\
apiVersion: v1
kind: SimulatedMachine
name: soak
speed: {speed:g}
record_writes: true
gpus:
  - {{board: H100-SXM, count: 4, workload: {{utilization: 90, memory: 80}}}}
  - {{board: H100-SXM, count: 4, power_limit_watts: 650, workload: {{utilization: 90, memory: 80}}}}
"""


_DISK_SIZE, _INODES = "24m", 200

_HEAD = "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {{name: {name}, version: '1'}}\n"

_PROFILES = {
    "thermal": """\
settings: {{persistence_mode: true}}
policies:
  - {{name: hot, target: gpu_temp_celsius, condition: '> {hot}', duration: 30s, severity: critical,
     action: {{type: throttle_power, parameters: {{step_watts: 50, min_watts: 300}}}}}}
  - {{name: fell, target: xid_error, condition: '= 79',
     action: {{type: throttle_power, parameters: {{step_watts: 25, min_watts: 400}}}}}}
""",
    "idle": """\
selectors: {{matchTags: {{gpu_index: ["0", "1", "2", "3"]}}}}
policies:
  - {{name: idle, target: gpu_utilization, condition: '< 5%', duration: 1m,
     action: {{type: lock_clock, parameters: {{frequency_mhz: 210}}}}}}
""",
    "base": """\
selectors: {{matchTags: {{gpu_index: ["4", "5", "6", "7"]}}}}
settings: {{power_limit_watts: {cap}, compute_mode: exclusive_process}}
policies: []
""",
}

WISHES: Mapping[str, Any] = {"hot": 82, "cap": 600}
"""What the profiles say at first."""


class Disk:
    """The folder of the state, on a small file system of its own where one can be mounted."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()
        self.is_real = _mount("-t", "tmpfs", "-o", f"size={_DISK_SIZE},nr_inodes={_INODES}", "tmpfs", place)
        self.folder = place / "state"
        self.folder.mkdir(mode=0o700)

    def fill(self) -> None:
        """Not a byte is left."""
        if not self.is_real:
            self.folder.chmod(0o500)
            return
        with contextlib.suppress(OSError), (self.place / "ballast").open("wb", buffering=0) as ballast:
            for size in (65536, 512):
                with contextlib.suppress(OSError):
                    while ballast.write(b"\0" * size):
                        pass

    def starve(self) -> None:
        """No file can be made, and those that are there can grow."""
        if not self.is_real:
            self.folder.chmod(0o500)
            return
        with contextlib.suppress(OSError):
            for number in range(_INODES):
                (self.place / f"crumb-{number}").touch(exist_ok=False)

    def take_away(self) -> None:
        """The folder is not where it was."""
        self.folder.rename(self.place / "aside")

    def mend(self) -> None:
        for left in (*self.place.glob("ballast"), *self.place.glob("crumb-*")):
            left.unlink()
        aside = self.place / "aside"
        if aside.exists():
            aside.rename(self.folder)
        self.folder.chmod(0o700)

    def close(self) -> None:
        if self.is_real:
            subprocess.run(["umount", "-l", self.place], check=True)
            self.is_real = False


def _mount(*words: object) -> bool:
    return subprocess.run(["mount", *map(str, words)], capture_output=True, check=False).returncode == 0


class Stage:
    """The machine, in `folder`; time on it runs `speed` times as fast. This process has its driver open throughout,
    as a monitoring agent has, so that limits outlive whoever set them."""

    def __init__(self, folder: Path, speed: float) -> None:
        self.folder = folder
        self.speed = speed
        self.world_path = folder / "world.yaml"
        self.world_path.write_text(_WORLD.format(speed=speed))
        self.world: World = open_world(self.world_path)
        self.world.library.begin()
        self.disk = Disk(folder / "disk")
        self.state_path = self.disk.folder / "esnode.state.json"
        self.environment = {"ESNODE_SIMULATE": str(self.world_path), "ESNODE_STATE": str(self.state_path)}
        self.profiles = folder / "profiles"
        self.profiles.mkdir()
        self.write_profiles(WISHES)
        self.original = self.panel()

    def close(self) -> None:
        self.world.library.close()
        self.disk.close()

    @property
    def now(self) -> float:
        """World seconds."""
        return self.world.clock.monotonic()

    def panel(self) -> list[PanelRow]:
        return self.world.front_panel()

    def set(self, target: int | str, **values: Any) -> None:
        self.world.set(target, {name: str(value) for name, value in values.items()})

    def write_profiles(self, wishes: Mapping[str, Any]) -> None:
        for name, body in _PROFILES.items():
            text = _HEAD.format(name=name) + body.format(**wishes)
            _replace(self.profiles / f"{name}.es", text)

    def break_profile(self) -> None:
        _replace(self.profiles / "base.es", _HEAD.format(name="base") + "settings: {power_limit_wats: 600}\n")

    def run(self, *words: object) -> Result:
        """What a person runs."""
        return esnode(*words, cwd=self.folder, env=self.environment, timeout=300)


def _replace(path: Path, text: str) -> None:
    """As an editor does it: nobody sees half a file."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    os.replace(temporary, path)  # noqa: PTH105
