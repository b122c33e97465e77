"""GPUs of a simulated machine, from a file that `nvidia-smi -q -x` wrote on a real one.

What the file says wins over the catalogue: names, UUIDs, limits, clocks, thresholds. Idle readings become
the board's idle figures, and the temperature at the time of the capture the warmth around each GPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from esnode.errors import FileUnreadable, WorldInvalid
from esnode.model.boards import BOARDS, Board, PowerRange, board_named
from esnode.model.settings import COMPUTE_MODES
from esnode.records import dataclass, field, field_names, replace
from esnode.simulator.machine import GpuSpec, Step, Workload

_LARGEST_FILE: Final = 64 * 2**20
_DEEPEST: Final = 32
_UNKNOWN_BOARD: Final = "H100-SXM"
_ARCHITECTURES: Final = {"Turing": 6, "Ampere": 7, "Ada Lovelace": 8, "Hopper": 9, "Blackwell": 10, "Rubin": 13}


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedMachine:
    driver: str
    gpus: tuple[GpuSpec, ...]


@dataclass(slots=True)
class _CapturedGpu:
    """Texts by path, such as `fb_memory_usage/total`, and the clock tables."""

    line: int
    bus_id: str
    texts: dict[str, str] = field(default_factory=dict)
    memory_clocks: list[int] = field(default_factory=list)
    graphics_clocks: set[int] = field(default_factory=set)

    def number(self, *paths: str) -> float | None:
        """The number before the unit at the first path that has one."""
        for path in paths:
            try:
                return float(self.texts[path].split()[0])
            except (KeyError, ValueError, IndexError):
                continue
        return None

    def switch(self, path: str) -> bool | None:
        return {"enabled": True, "disabled": False}.get(self.texts.get(path, "").lower())


def read_capture(path: Path, *, asked_at: str) -> CapturedMachine:
    """The GPUs in the file. `asked_at` is the place that named it. Raises FileUnreadable and WorldInvalid."""
    reader = _Reader(path)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as failure:
        raise FileUnreadable(f"{asked_at}: the capture {path} cannot be read: {failure.strerror}") from None
    if len(data) > _LARGEST_FILE:
        raise WorldInvalid(f"{path} is larger than {_LARGEST_FILE // 2**20} MiB, so it is not a capture")
    reader.parse(data)
    if not reader.gpus:
        raise reader.wrong(1, "the file has no GPU")
    return CapturedMachine(
        driver=reader.texts.get("driver_version", "580.105.08"),
        gpus=tuple(_spec(path, index, gpu) for index, gpu in enumerate(reader.gpus)),
    )


class _Reader:
    """Collects texts by path. Entities are refused and nothing outside of the file is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.texts: dict[str, str] = {}
        self.gpus: list[_CapturedGpu] = []
        self._names: list[str] = []
        self._text: list[str] = []
        self._gpu: _CapturedGpu | None = None
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._begin
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text.append
        self._expat.EntityDeclHandler = self._refuse

    def wrong(self, line: int, problem: str) -> WorldInvalid:
        return WorldInvalid(
            f"{self.path}:{line}: {problem}", next_step="Write the file anew with `nvidia-smi -q -x > FILE`."
        )

    def parse(self, data: bytes) -> None:
        try:
            self._expat.Parse(data, True)
        except expat.ExpatError as problem:
            raise self.wrong(problem.lineno, f"not XML: {expat.ErrorString(problem.code)}") from None

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        line = self._expat.CurrentLineNumber
        if not self._names and name != "nvidia_smi_log":
            raise self.wrong(line, f"the document is <{name}>, not <nvidia_smi_log>")
        if len(self._names) >= _DEEPEST:
            raise self.wrong(line, "elements are nested too deeply")
        if name == "gpu" and len(self._names) == 1:
            self._gpu = _CapturedGpu(line, attributes.get("id", ""))
            self.gpus.append(self._gpu)
        self._names.append(name)
        self._text.clear()

    def _end(self, name: str) -> None:
        text = "".join(self._text).strip()
        self._text.clear()
        if self._gpu is None:
            self.texts.setdefault("/".join(self._names[1:]), text)
        elif name == "supported_graphics_clock":
            self._gpu.graphics_clocks.add(_megahertz(text))
        elif name == "value" and self._names[-2] == "supported_mem_clock":
            self._gpu.memory_clocks.append(_megahertz(text))
        else:
            self._gpu.texts.setdefault("/".join(self._names[2:]), text)
        self._names.pop()
        if len(self._names) == 1:
            self._gpu = None

    def _refuse(self, name: str, *_rest: object) -> None:
        raise self.wrong(self._expat.CurrentLineNumber, f'it declares an entity ("{name}")')


def _megahertz(text: str) -> int:
    try:
        return int(text.split()[0])
    except (ValueError, IndexError):
        return 0


def _spec(path: Path, index: int, gpu: _CapturedGpu) -> GpuSpec:
    uuid = gpu.texts.get("uuid", "")
    if not uuid.startswith("GPU-"):
        raise WorldInvalid(f"{path}:{gpu.line}: GPU {index} has no UUID", next_step="Take a capture without lost GPUs.")
    base = board_named(gpu.texts.get("product_name", "")) or BOARDS[_UNKNOWN_BOARD]
    board = _board_of(gpu, base)
    draw = gpu.number("gpu_power_readings/average_power_draw", "gpu_power_readings/instant_power_draw")
    ambient = _warmth_around(gpu, board, draw)
    compute_mode = gpu.texts.get("compute_mode", "").lower()
    return GpuSpec(
        uuid=uuid,
        board_key=base.key,
        facts=_differences(base, board),
        bus_id=gpu.bus_id or gpu.texts.get("pci/pci_bus_id", ""),
        serial=gpu.texts.get("serial", "0"),
        persistence=gpu.switch("persistence_mode") is True,
        compute_mode=COMPUTE_MODES.index(compute_mode) if compute_mode in COMPUTE_MODES else 0,
        ecc=gpu.switch("ecc_mode/current_ecc"),
        mig=gpu.switch("mig_mode/current_mig") is True,
        workload=Workload(steps=(_load(gpu),)),
        ambient_celsius=ambient,
        power_limit_watts=gpu.number("gpu_power_readings/requested_power_limit", "power_readings/power_limit"),
        out_of_band_limit_watts=_out_of_band(gpu),
    )


def _load(gpu: _CapturedGpu) -> Step:
    used, total = gpu.number("fb_memory_usage/used"), gpu.number("fb_memory_usage/total")
    memory = 100 * used / total if used and total else 0.0
    return Step(utilization=gpu.number("utilization/gpu_util") or 0.0, memory=memory)


def _out_of_band(gpu: _CapturedGpu) -> float | None:
    """A limit in force under the requested one has another author."""
    requested = gpu.number("gpu_power_readings/requested_power_limit")
    current = gpu.number("gpu_power_readings/current_power_limit")
    return current if current is not None and requested is not None and current < requested else None


def _warmth_around(gpu: _CapturedGpu, board: Board, draw: float | None) -> float | None:
    """The ambient temperature at which that draw gives the captured temperature."""
    temperature = gpu.number("temperature/gpu_temp")
    if temperature is None or draw is None:
        return None
    return round(temperature - board.thermal_resistance * draw, 3)


def _board_of(gpu: _CapturedGpu, base: Board) -> Board:
    texts = gpu.texts
    changes: dict[str, Any] = {}
    name = texts.get("product_name", base.nvml_name)
    if name.lower() != base.nvml_name.lower():
        family = name.removeprefix("NVIDIA ").partition(" ")[0]
        changes.update(nvml_name=name, model=family, has_mig="mig_mode/current_mig" in texts, module_power=None)
    architecture = texts.get("product_architecture", base.architecture)
    changes.update(architecture=architecture)
    changes.update(architecture_number=_ARCHITECTURES.get(architecture, base.architecture_number))
    changes.update(_power_of(gpu, base), **_clocks_of(gpu, base), **_warmth_of(gpu, base))
    for field_name, path in (
        ("memory_mib", "fb_memory_usage/total"),
        ("memory_reserved_mib", "fb_memory_usage/reserved"),
    ):
        value = gpu.number(path)
        if value is not None:
            changes[field_name] = int(value)
    device = texts.get("pci/pci_device_id", "")
    if len(device) == 8 and all(digit in "0123456789abcdefABCDEF" for digit in device):
        changes["pci_device_id"] = int(device, 16)
    return replace(base, **changes)


def _power_of(gpu: _CapturedGpu, base: Board) -> dict[str, Any]:
    lowest, default, highest = (
        gpu.number(f"gpu_power_readings/{name}_power_limit", f"power_readings/{name}_power_limit")
        for name in ("min", "default", "max")
    )
    found: dict[str, Any] = {}
    if lowest is not None and default is not None and highest is not None:
        found["power"] = PowerRange(min=lowest, default=default, max=highest)
    draw = gpu.number("gpu_power_readings/average_power_draw", "gpu_power_readings/instant_power_draw")
    if draw is not None and not gpu.number("utilization/gpu_util"):
        found["idle_watts"] = draw
    return found


def _clocks_of(gpu: _CapturedGpu, base: Board) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if gpu.graphics_clocks - {0}:
        found["graphics_clocks_mhz"] = tuple(sorted(gpu.graphics_clocks - {0}))
    if gpu.memory_clocks:
        found["memory_clocks_mhz"] = tuple(sorted(set(gpu.memory_clocks) - {0})) or base.memory_clocks_mhz
    clock = gpu.number("clocks/sm_clock")
    if clock and not gpu.number("utilization/gpu_util"):
        found["idle_sm_mhz"] = int(clock)
    return found


def _warmth_of(gpu: _CapturedGpu, base: Board) -> dict[str, Any]:
    """Thresholds: as temperatures, or as margins to the temperature at which the margin is 0."""
    temperature, margin = gpu.number("temperature/gpu_temp"), gpu.number("temperature/gpu_temp_tlimit")
    if temperature is not None and margin is not None:
        operating = temperature + margin
        slowdown = gpu.number("temperature/gpu_temp_slow_tlimit_threshold")
        shutdown = gpu.number("temperature/gpu_temp_max_tlimit_threshold")
        return {
            "reports_margins": True,
            "max_operating_celsius": int(operating),
            "slowdown_celsius": int(operating - (slowdown if slowdown is not None else -2)),
            "shutdown_celsius": int(operating - (shutdown if shutdown is not None else -5)),
        }
    names = {
        "max_operating_celsius": "temperature/gpu_temp_max_gpu_threshold",
        "slowdown_celsius": "temperature/gpu_temp_slow_threshold",
        "shutdown_celsius": "temperature/gpu_temp_max_threshold",
    }
    read = {name: gpu.number(path) for name, path in names.items()}
    return {name: int(value) for name, value in read.items() if value is not None}


def _differences(base: Board, board: Board) -> Mapping[str, Any]:
    return {name: getattr(board, name) for name in field_names(Board) if getattr(board, name) != getattr(base, name)}
