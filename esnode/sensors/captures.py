"""The hardware as a file that `nvidia-smi -q -x` wrote shows it: the same values as the driver would give."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from esnode.model.hardware import (
    Clocks,
    GpuIdentity,
    Limits,
    MachineIdKind,
    Moment,
    Node,
    NodeIdentity,
    Observation,
    ObservedGpu,
    Origin,
    Session,
    UnidentifiedGpu,
)
from esnode.model.metrics import METRICS, THROTTLE_REASONS
from esnode.model.readings import UNSUPPORTED, WRITE_ONLY, Missing, MissingReason, Reading
from esnode.model.settings import COMPUTE_MODE, COMPUTE_MODES, PERSISTENCE, POWER_LIMIT, SETTINGS, ReadableValue
from esnode.sensors.capture_fields import absence, not_there, number_at, number_in, numbers_in, switch_at, text_at
from esnode.sensors.capture_xml import Element, invalid, read_xml
from esnode.sensors.derived import derive, missing_for_now, percent_of
from esnode.sensors.models import model_of, vram_size

_ROOT: Final = "nvidia_smi_log"
_UUID: Final = re.compile(r"GPU-[0-9A-Za-z-]{1,92}")
_PERFORMANCE_STATE: Final = re.compile(r"P(?:[0-9]|1[0-5])", re.ASCII)
_TIMESTAMP: Final = "%a %b %d %H:%M:%S %Y"
_NO_ENERGY: Final = Missing(missing=MissingReason.NOT_READ, detail="nvidia-smi does not write it")

# Where each value stands, from the newest generation of nvidia-smi to the oldest.
_POWER_DRAW: Final = (
    "gpu_power_readings/average_power_draw",
    "gpu_power_readings/power_draw",
    "gpu_power_readings/instant_power_draw",
    "power_readings/power_draw",
)
_REQUESTED: Final = ("gpu_power_readings/requested_power_limit", "power_readings/power_limit")
_ENFORCED: Final = ("gpu_power_readings/current_power_limit", "power_readings/enforced_power_limit")
_DEFAULT, _MIN, _MAX = (
    (f"gpu_power_readings/{name}_power_limit", f"power_readings/{name}_power_limit")
    for name in ("default", "min", "max")
)


def _throttle_reader(reason: str) -> Callable[[Element], Reading[float]]:
    paths = (
        f"clocks_event_reasons/clocks_event_reason_{reason}",
        f"clocks_throttle_reasons/clocks_throttle_reason_{reason}",
    )
    return lambda gpu: derive(float, switch_at(gpu, *paths))


_METRICS: Final[Mapping[str, Callable[[Element], Reading[float]]]] = {
    "gpu_temp_celsius": lambda gpu: number_at(gpu, "C", "temperature/gpu_temp"),
    "gpu_utilization": lambda gpu: number_at(gpu, "%", "utilization/gpu_util"),
    "gpu_power_watts": lambda gpu: number_at(gpu, "W", *_POWER_DRAW),
    "memory_allocated_percent": lambda gpu: percent_of(
        number_at(gpu, "MiB", "fb_memory_usage/used"), number_at(gpu, "MiB", "fb_memory_usage/total")
    ),
    "gpu_memory_temp_celsius": lambda gpu: number_at(gpu, "C", "temperature/memory_temp"),
    "gpu_temp_margin_celsius": lambda gpu: number_at(gpu, "C", "temperature/gpu_temp_tlimit"),
    "memory_utilization": lambda gpu: number_at(gpu, "%", "utilization/memory_util"),
    "gpu_sm_clock_mhz": lambda gpu: number_at(gpu, "MHz", "clocks/sm_clock"),
    "power_limit_percent": lambda gpu: percent_of(number_at(gpu, "W", *_REQUESTED), number_at(gpu, "W", *_DEFAULT)),
    "ecc_uncorrected_errors": lambda gpu: _uncorrected_errors(gpu),
    "process_count": lambda gpu: _process_count(gpu),
    **{f"throttle_reason_{reason}": _throttle_reader(reason) for reason in THROTTLE_REASONS},
}

_SETTINGS: Final[Mapping[str, Callable[[Element], Reading[ReadableValue]]]] = {
    PERSISTENCE: lambda gpu: switch_at(gpu, "persistence_mode"),
    POWER_LIMIT: lambda gpu: number_at(gpu, "W", *_REQUESTED),
    COMPUTE_MODE: lambda gpu: _compute_mode(gpu),
}


def read_capture(path: Path) -> Observation:
    """The machine in the file, as an observation of the time at which the file was written.

    nvidia-smi writes local time without its zone; it is taken for UTC. Indexes count the file's GPUs.
    What the file does not say is missing, with the reason. Raises FileUnreadable, and CaptureInvalid
    with file and line for anything that is not such a file.
    """
    root = read_xml(path)
    if root.name != _ROOT:
        raise invalid(path, root.line, f"the document is <{root.name}>, not <{_ROOT}>")
    stem = path.stem.encode(errors="replace").decode()
    boot_id = f"capture:{stem}"
    elements = list(root.all("gpu"))
    if not elements:
        raise invalid(path, root.line, "the file has no <gpu>")
    _check_uuids(path, elements)
    at = _taken_at(path, root)
    read = [_read_gpu(index, gpu, boot_id) for index, gpu in enumerate(elements)]
    gpus = tuple(gpu for gpu in read if isinstance(gpu, ObservedGpu))
    return Observation(
        node=_node(stem, root, gpus, boot_id),
        taken_at=Moment(at=at, uptime=at.timestamp(), boot_id=boot_id),
        origin=Origin.CAPTURE,
        gpus=gpus,
        unidentified=tuple(gpu for gpu in read if isinstance(gpu, UnidentifiedGpu)),
    )


def _taken_at(path: Path, root: Element) -> datetime:
    element = root.find("timestamp")
    if element is None:
        raise invalid(path, root.line, "the file has no <timestamp>")
    try:
        return datetime.strptime(element.text, _TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        raise invalid(path, element.line, f'"{element.text[:40]}" is not a time as nvidia-smi writes it') from None


def _check_uuids(path: Path, gpus: list[Element]) -> None:
    """A UUID is the key to everything and part of addresses: it must look like one, and belong to one GPU."""
    seen: set[str] = set()
    for element in (element for gpu in gpus if (element := gpu.find("uuid")) and not absence(element)):
        if not _UUID.fullmatch(element.text):
            raise invalid(path, element.line, f'"{element.text[:40]}" is not the UUID of a GPU')
        if element.text in seen:
            raise invalid(path, element.line, f"two GPUs have the UUID {element.text}")
        seen.add(element.text)


def _node(stem: str, root: Element, gpus: tuple[ObservedGpu, ...], boot_id: str) -> Node:
    """A file does not say which machine it is of: the UUIDs of its GPUs do."""
    uuids = "\n".join(sorted(gpu.identity.uuid for gpu in gpus))
    machine_id = f"capture:{hashlib.sha256(uuids.encode()).hexdigest()[:32]}"
    return Node(
        identity=NodeIdentity(machine_id=machine_id, machine_id_kind=MachineIdKind.CAPTURE, hostname=stem),
        boot_id=boot_id,
        driver_version=text_at(root, "driver_version"),
        cuda_version=text_at(root, "cuda_version"),
    )


def _read_gpu(index: int, gpu: Element, boot_id: str) -> ObservedGpu | UnidentifiedGpu:
    uuid = absence(gpu) or text_at(gpu, "uuid")
    if isinstance(uuid, Missing):
        return UnidentifiedGpu(index=index, failure=uuid)
    name, bus = text_at(gpu, "product_name"), text_at(gpu, "pci/pci_bus_id")
    metrics = {metric: missing_for_now(metric) or _METRICS[metric](gpu) for metric in METRICS}
    settings = {name: _SETTINGS[name](gpu) if row.readable else WRITE_ONLY for name, row in SETTINGS.items()}
    return ObservedGpu(
        identity=GpuIdentity(
            uuid=uuid,
            index=index,
            name=_or_empty(name),
            model=model_of(_or_empty(name)),
            pci_bus_id=_or_empty(bus),
        ),
        session=Session(boot_id=boot_id),
        tags=_tags(gpu, uuid=uuid, index=index, name=name, bus=bus),
        limits=_limits(gpu),
        settings=settings,
        metrics=metrics,
        energy_joules=_NO_ENERGY,
        clocks=Clocks(
            performance_state=_performance_state(gpu),
            memory_mhz=derive(int, number_at(gpu, "MHz", "clocks/mem_clock")),
        ),
        failure=_failure([*metrics.values(), *settings.values()]),
    )


def _failure(readings: list[Reading[ReadableValue]]) -> Missing | None:
    """A GPU that is lost for one reading is lost."""
    missing = (reading for reading in readings if isinstance(reading, Missing))
    return next((reading for reading in missing if reading.missing is MissingReason.GPU_LOST), None)


def _or_empty(text: Reading[str]) -> str:
    return "" if isinstance(text, Missing) else text


def _tags(gpu: Element, *, uuid: str, index: int, name: Reading[str], bus: Reading[str]) -> dict[str, Reading[str]]:
    memory_mib = number_at(gpu, "MiB", "fb_memory_usage/total")
    return {
        "gpu_model": derive(model_of, name),
        "gpu_name": name,
        "gpu_uuid": uuid,
        "gpu_index": str(index),
        "vram_size": derive(lambda known: vram_size(known, memory_mib), name),
        "architecture": text_at(gpu, "product_architecture"),
        "pci_bus_id": bus,
        "mig_mode": derive(lambda on: "enabled" if on else "disabled", switch_at(gpu, "mig_mode/current_mig")),
    }


def _limits(gpu: Element) -> Limits:
    return Limits(
        power_min_watts=number_at(gpu, "W", *_MIN),
        power_default_watts=number_at(gpu, "W", *_DEFAULT),
        power_max_watts=number_at(gpu, "W", *_MAX),
        power_enforced_watts=number_at(gpu, "W", *_ENFORCED),
        graphics_clocks_mhz=_supported_clocks(gpu, "supported_graphics_clock"),
        memory_clocks_mhz=_supported_clocks(gpu, "value"),
    )


def _supported_clocks(gpu: Element, name: str) -> Reading[tuple[int, ...]]:
    """Ascending; graphics clocks of all memory clocks together, as the driver's sensor has them."""
    block = gpu.find("supported_clocks")
    if block is None:
        return not_there("supported_clocks")
    return _clocks_in(block.texts("supported_mem_clock", name)) or absence(block) or UNSUPPORTED


@lru_cache(maxsize=64)
def _clocks_in(texts: tuple[str, ...]) -> tuple[int, ...]:
    """The boards of a machine, and those of a fleet, mostly list the same: hundreds of clocks are worked out once."""
    return tuple(sorted({int(clock) for clock in numbers_in(texts, "MHz")}))


def _performance_state(gpu: Element) -> Reading[int]:
    """`P0` to `P15`."""

    def known(text: str) -> Reading[int]:
        unknown = Missing(missing=MissingReason.NOT_READ, detail=f'the capture says "{text[:40]}"')
        return int(text[1:]) if _PERFORMANCE_STATE.fullmatch(text) else unknown

    state: Reading[Reading[int]] = derive(known, text_at(gpu, "performance_state"))
    return state


def _compute_mode(gpu: Element) -> Reading[str]:
    def known(text: str) -> Reading[str]:
        mode = text.lower()
        unknown = Missing(missing=MissingReason.NOT_READ, detail=f'the capture says "{text[:40]}"')
        return mode if mode in COMPUTE_MODES else unknown

    mode: Reading[Reading[str]] = derive(known, text_at(gpu, "compute_mode"))
    return mode


def _uncorrected_errors(gpu: Element) -> Reading[float]:
    """The volatile counts together: by memory since Turing, before it one total of double bit errors."""
    volatile = gpu.find("ecc_errors/volatile")
    if volatile is None:
        return number_at(gpu, "", "ecc_errors/volatile")
    counters = [part for part in volatile.children if "_uncorrectable" in part.name]
    if not counters:
        return number_at(gpu, "", "ecc_errors/volatile/double_bit/total")
    counts = [number_in(counter, "") for counter in counters]
    known = [count for count in counts if count != UNSUPPORTED]  # a memory that the board lacks has no errors
    return derive(lambda *values: float(sum(values)), *known) if known else UNSUPPORTED


def _process_count(gpu: Element) -> Reading[float]:
    """Each process once, however often it is listed."""
    block = gpu.find("processes")
    if block is None:
        return not_there("processes")
    pids = {pid.text for info in block.all("process_info") for pid in info.all("pid")}
    return absence(block) or float(len(pids))
