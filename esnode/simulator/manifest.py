"""A world file as a Machine.

    apiVersion: v1
    kind: SimulatedMachine
    name: lab
    driver: 580                     # or in full: 580.105.08
    ambient_celsius: 25
    speed: 1                        # world seconds per second; 0: the clock stands until told to move
    persistence: true
    gpus:
      - {board: H100-SXM, count: 8, workload: {utilization: 99, memory: 80}}

`from: capture.xml` takes the GPUs from a file that `nvidia-smi -q -x` wrote; `gpus` then lists what differs,
by `index`.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from esnode.model.boards import BOARDS
from esnode.model.settings import COMPUTE_MODES
from esnode.simulator.living import birth_of
from esnode.simulator.machine import GpuSpec, Machine, SimulatedProcess, Step, Workload
from esnode.simulator.nodes import Node, Source, did_you_mean

_MACHINE_KEYS: Final = (
    *("apiVersion", "kind", "name", "hostname", "machine_id", "driver", "speed", "ambient_celsius"),
    *("persistence", "root", "starts_at", "from", "latency", "workload", "gpus", "record_writes"),
)
_GPU_KEYS: Final = (
    *("board", "count", "index", "uuid", "persistence", "workload", "ambient_celsius", "thermal_resistance"),
    *("processes", "power_limit_watts", "out_of_band_limit_watts", "compute_mode", "ecc", "mig"),
)
_STEP_KEYS: Final = ("utilization", "memory", "intensity")
_PROCESS_KEYS: Final = ("pid", "name", "memory_mib", "sm_utilization", "type")
PROCESS_TYPES: Final = ("compute", "graphics", "mps")
_DRIVERS: Final = {
    535: ("535.309.01", 12020),
    550: ("550.163.01", 12040),
    570: ("570.172.08", 12080),
    580: ("580.105.08", 13000),
    590: ("590.48.01", 13010),
    595: ("595.91.07", 13020),
    615: ("615.71.01", 13050),
}
"""Versions by branch, and the CUDA version that NVML reports for each."""

_MOST_GPUS: Final = 64
# Linux gives no process a number from 2**22 on, so no program can take a simulated process for a real one.
FIRST_UNREAL_PID: Final = 2**22
_FIRST_SIMULATED_PID: Final = FIRST_UNREAL_PID + 1000


def read_manifest(path: Path, text: bytes) -> tuple[Machine, Path | None]:
    """The machine that a world file describes, and the capture it begins with, if any.

    Raises WorldInvalid with file and line, and FileUnreadable for the capture.
    """
    manifest = _Manifest(Source(path))
    return manifest.machine(text), manifest.capture


class _Manifest:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.capture: Path | None = None

    def machine(self, text: bytes) -> Machine:
        source = self.source
        root = source.parse(text)
        fields = source.mapping(root, _MACHINE_KEYS, "a simulated machine")
        self._check_kind(root, fields)
        name = source.text(fields["name"]) if "name" in fields else source.path.stem
        machine_id = source.text(fields["machine_id"]) if "machine_id" in fields else _digest(name)
        captured = self._captured(fields)
        gpus = self._gpus(root, fields, machine_id, captured.gpus if captured else ())
        driver, cuda = self._driver(fields, captured.driver if captured else gpus[0].board.typical_driver)
        latency = (
            source.mapping(fields["latency"], ("setters", "cold_handle"), "latency") if "latency" in fields else {}
        )
        return Machine(
            name=name,
            hostname=source.text(fields["hostname"]) if "hostname" in fields else name,
            machine_id=machine_id.removeprefix("sim:"),
            driver=driver,
            cuda=cuda,
            gpus=gpus,
            speed=self._number(fields, "speed", 0, 100_000, 1.0),
            ambient_celsius=self._number(fields, "ambient_celsius", -40, 70, 25.0),
            starts_at=self._time(fields["starts_at"]) if "starts_at" in fields else None,
            root_required="root" in fields and source.choice(fields["root"], ("any", "required")) == "required",
            setter_seconds=source.duration(latency["setters"]) if "setters" in latency else 0.0,
            cold_handle_seconds=source.duration(latency["cold_handle"]) if "cold_handle" in latency else 0.0,
            record_writes="record_writes" in fields and source.switch(fields["record_writes"]),
        )

    def _check_kind(self, root: Node, fields: dict[str, Node]) -> None:
        for name, wanted in (("apiVersion", "v1"), ("kind", "SimulatedMachine")):
            if name not in fields:
                raise self.source.wrong(root, f"{name} is missing", f"Write `{name}: {wanted}` at the top.")
            self.source.choice(fields[name], (wanted,))

    def _captured(self, fields: dict[str, Node]) -> Any:
        if "from" not in fields:
            return None
        from esnode.simulator.capture import read_capture

        path = self.source.path.parent / self.source.text(fields["from"])
        self.capture = path
        return read_capture(path, asked_at=f"{self.source.path}:{fields['from'].line}")

    def _driver(self, fields: dict[str, Node], default: str) -> tuple[str, int]:
        version = self.source.text(fields["driver"]) if "driver" in fields else default
        branch = version.partition(".")[0]
        if not branch.isdigit() or int(branch) < min(_DRIVERS):
            known = ", ".join(map(str, _DRIVERS))
            raise self.source.wrong(
                fields.get("driver", 1), f'"{version}" is not a driver that can be simulated', f"Write one of {known}."
            )
        nearest = max(known for known in _DRIVERS if known <= int(branch))
        full = version if "." in version else _DRIVERS[nearest][0]
        return full, _DRIVERS[nearest][1]

    def _gpus(
        self, root: Node, fields: dict[str, Node], machine_id: str, captured: tuple[GpuSpec, ...]
    ) -> tuple[GpuSpec, ...]:
        entries = self.source.items(fields["gpus"], "gpus") if "gpus" in fields else []
        if not entries and not captured:
            raise self.source.wrong(root, "the machine has no gpus", "Write `gpus: [{board: H100-SXM, count: 8}]`.")
        gpus = list(captured)
        if captured:
            gpus = [self._with_defaults(gpu, fields) for gpu in gpus]
        for entry in entries:
            gpu = self.source.mapping(entry, _GPU_KEYS, "a GPU")
            if captured:
                index = self._index(entry, gpu, len(captured))
                gpus[index] = self._described(gpu, gpus[index])
            else:
                gpus.extend(self._of_board(entry, gpu, fields, machine_id, len(gpus)))
        self._check_uuids(entries[0] if entries else root, gpus)
        return tuple(gpus)

    def _index(self, entry: Node, gpu: dict[str, Node], count: int) -> int:
        if "index" not in gpu or {"board", "count"} & set(gpu):
            problem = "with `from`, an entry of gpus says by `index` which GPU it changes, and no board"
            raise self.source.wrong(entry, problem)
        return self.source.whole(gpu["index"], 0, count - 1)

    def _of_board(
        self, entry: Node, gpu: dict[str, Node], fields: dict[str, Node], machine_id: str, first: int
    ) -> list[GpuSpec]:
        if "board" not in gpu:
            raise self.source.wrong(entry, "a GPU needs a board", f"Known boards: {', '.join(BOARDS)}.")
        key = self.source.text(gpu["board"])
        if key not in BOARDS:
            raise self.source.wrong(gpu["board"], f'there is no board "{key}"', did_you_mean(key, BOARDS))
        count = self.source.whole(gpu["count"], 1, _MOST_GPUS) if "count" in gpu else 1
        if first + count > _MOST_GPUS:
            raise self.source.wrong(entry, f"a machine has at most {_MOST_GPUS} GPUs")
        if count > 1 and "uuid" in gpu:
            raise self.source.wrong(gpu["uuid"], f"{count} GPUs cannot have one uuid", "Write one entry for each.")
        made = []
        for index in range(first, first + count):
            bare = GpuSpec(
                uuid=_uuid(machine_id, index), board_key=key, bus_id=bus_id(index), serial=str(1650000000001 + index)
            )
            made.append(self._described(gpu, self._with_defaults(bare, fields)))
        return made

    def _with_defaults(self, gpu: GpuSpec, fields: dict[str, Node]) -> GpuSpec:
        if "workload" in fields:
            gpu = gpu._replace(workload=self._workload(fields["workload"]))
        if "persistence" in fields:
            gpu = gpu._replace(persistence=self.source.switch(fields["persistence"]))
        return gpu

    def _described(self, fields: dict[str, Node], gpu: GpuSpec) -> GpuSpec:
        """The GPU with what its entry says of it."""
        source, board = self.source, gpu.board
        changes: dict[str, Any] = {}
        if "uuid" in fields:
            changes["uuid"] = self._uuid(fields["uuid"])
        if "workload" in fields:
            changes["workload"] = self._workload(fields["workload"])
        if "processes" in fields:
            changes["processes"] = self._processes(fields["processes"], gpu)
        if "compute_mode" in fields:
            changes["compute_mode"] = COMPUTE_MODES.index(source.choice(fields["compute_mode"], COMPUTE_MODES))
        for name in ("persistence", "ecc", "mig"):
            if name in fields:
                changes[name] = source.switch(fields[name])
        for name, low, high in (
            ("ambient_celsius", -40.0, 70.0),
            ("thermal_resistance", 0.001, 10.0),
            ("power_limit_watts", board.power.min, board.power.max),
            ("out_of_band_limit_watts", 1.0, 10_000.0),
        ):
            if name in fields:
                changes[name] = source.number(fields[name], low, high)
        if changes.get("mig") and not board.has_mig:
            raise source.wrong(fields["mig"], f"a {board.key} has no MIG")
        return gpu._replace(**changes)

    def _uuid(self, node: Node) -> str:
        text = self.source.text(node)
        if not text.startswith("GPU-") or not text.replace("-", "").isalnum() or len(text) > 80:
            raise self.source.wrong(node, f'"{text}" is not the UUID of a GPU', "Write it as NVML does: GPU-5d1f....")
        return text

    def _check_uuids(self, node: Node, gpus: list[GpuSpec]) -> None:
        uuids = [gpu.uuid for gpu in gpus]
        twice = next((uuid for uuid in uuids if uuids.count(uuid) > 1), None)
        if twice:
            raise self.source.wrong(node, f"two GPUs have the UUID {twice}")

    def _workload(self, node: Node) -> Workload:
        """A list of steps, one step, or `{repeat: 10m, steps: [...]}`."""
        if isinstance(node.value, list):
            return Workload(steps=self._steps(node))
        if isinstance(node.value, dict) and "steps" in node.value:
            fields = self.source.mapping(node, ("repeat", "steps"), "a workload")
            steps = self._steps(fields["steps"])
            repeat = self.source.duration(fields["repeat"]) if "repeat" in fields else 0.0
            if repeat and repeat <= steps[-1].at:
                raise self.source.wrong(fields["repeat"], "the workload repeats before its last step begins")
            return Workload(steps=steps, repeat=repeat)
        return Workload(steps=(self._step(self.source.mapping(node, _STEP_KEYS, "a workload"), 0.0),))

    def _steps(self, node: Node) -> tuple[Step, ...]:
        steps: list[Step] = []
        for item in self.source.items(node, "the steps of a workload"):
            fields = self.source.mapping(item, ("at", *_STEP_KEYS), "a step")
            at = self.source.duration(fields["at"]) if "at" in fields else 0.0
            if steps and at <= steps[-1].at:
                raise self.source.wrong(item, "a step must begin later than the one before it")
            if not steps and at:
                steps.append(Step())
            steps.append(self._step(fields, at))
        return tuple(steps) or (Step(),)

    def _step(self, fields: dict[str, Node], at: float) -> Step:
        utilization = self._number(fields, "utilization", 0, 100, 0.0)
        return Step(
            at=at,
            utilization=utilization,
            # Work without memory would look odd: where nothing is said, a busy GPU's is filled, too.
            memory=self._number(fields, "memory", 0, 100, 0.8 * utilization),
            intensity=self._number(fields, "intensity", 1, 200, 94.0),
        )

    def _processes(self, node: Node, gpu: GpuSpec) -> tuple[SimulatedProcess, ...]:
        found = []
        first = _FIRST_SIMULATED_PID + 100 * int(_digest(gpu.uuid)[:4], 16)
        for number, item in enumerate(self.source.items(node, "processes")):
            fields = self.source.mapping(item, _PROCESS_KEYS, "a process")
            kind = self.source.choice(fields["type"], PROCESS_TYPES) if "type" in fields else "compute"
            pid = self.source.whole(fields["pid"], 1, 2**31 - 1) if "pid" in fields else first + number
            is_real = "pid" in fields and pid < FIRST_UNREAL_PID
            found.append(
                SimulatedProcess(
                    pid=pid,
                    name=self.source.text(fields["name"]) if "name" in fields else "python",
                    memory_mib=self.source.whole(fields["memory_mib"], 0, 10_000_000)
                    if "memory_mib" in fields
                    else None,
                    is_graphics=kind == "graphics",
                    is_real=is_real,
                    sm_utilization=self.source.number(fields["sm_utilization"], 0, 100)
                    if "sm_utilization" in fields
                    else None,
                    is_mps=kind == "mps",
                    birth=birth_of(pid) if is_real else "",
                )
            )
        return tuple(found)

    def _number(self, fields: dict[str, Node], name: str, low: float, high: float, default: float) -> float:
        return self.source.number(fields[name], low, high) if name in fields else default

    def _time(self, node: Node) -> float:
        try:
            at = datetime.fromisoformat(self.source.text(node))
        except ValueError:
            raise self.source.wrong(node, f'"{node.value}" is not a time', "Write 2026-01-31T08:00:00Z.") from None
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def bus_id(index: int) -> str:
    """PCI addresses that rise with the index, as NVML counts GPUs by address."""
    return f"{index // 14:08X}:{0x0A + 0x11 * (index % 14):02X}:00.0"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _uuid(machine_id: str, index: int) -> str:
    """The same world gives the same UUIDs, another world others."""
    digits = _digest(f"{machine_id}/{index}")
    return f"GPU-{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
