"""GPUs through the driver: identity, limits, settings and metrics of each, at one moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from esnode.model.hardware import Clocks, GpuIdentity, Limits, ObservedGpu, Session, UnidentifiedGpu
from esnode.model.metrics import METRICS, THROTTLE_REASONS
from esnode.model.readings import Missing, Reading
from esnode.model.settings import SETTINGS, ReadableValue
from esnode.nvml import settings as nvml_settings
from esnode.nvml.device import Device
from esnode.nvml.session import DriverSession
from esnode.sensors.derived import derive, missing_for_now, percent_of
from esnode.sensors.look import Look
from esnode.sensors.models import model_of, vram_size

MetricReader = Callable[[Look], Reading[float]]

_MIB: Final = 2**20


def _throttle_reader(bit: int) -> MetricReader:
    return lambda look: derive(lambda mask: float(bool(mask & bit)), look.read(Device.clocks_event_reasons))


METRIC_READERS: Final[Mapping[str, MetricReader]] = {
    "gpu_temp_celsius": lambda look: look.read(Device.temperature_celsius),
    "gpu_utilization": lambda look: derive(lambda rates: rates.gpu, look.read(Device.utilization)),
    "gpu_power_watts": lambda look: look.read(Device.power_watts),
    "memory_allocated_percent": lambda look: percent_of(
        derive(lambda memory: memory.used, look.read(Device.memory)),
        derive(lambda memory: memory.total, look.read(Device.memory)),
    ),
    "gpu_memory_temp_celsius": lambda look: look.read(Device.memory_temperature_celsius),
    "gpu_temp_margin_celsius": lambda look: look.read(Device.temperature_margin_celsius),
    "memory_utilization": lambda look: derive(lambda rates: rates.memory, look.read(Device.utilization)),
    "gpu_sm_clock_mhz": lambda look: look.read(Device.sm_clock_mhz),
    "power_limit_percent": lambda look: percent_of(
        look.read(Device.requested_power_limit_watts), look.read(Device.default_power_limit_watts)
    ),
    "ecc_uncorrected_errors": lambda look: look.read(Device.uncorrected_ecc_errors),
    "process_count": lambda look: look.read(Device.process_count),
    **{f"throttle_reason_{reason}": _throttle_reader(bit) for reason, bit in THROTTLE_REASONS.items()},
}
"""Every metric of METRICS that the driver tells; the others have their `later` or `outside`."""


def observe_gpus(
    session: DriverSession, *, boot_id: str
) -> tuple[tuple[ObservedGpu, ...], tuple[UnidentifiedGpu, ...]]:
    """All GPUs by index, and those that the driver counts without saying which they are.

    One GPU's failure is its own: whatever happens to it, the others are read. Raises only where the
    driver as a whole does not answer.
    """
    seen = [observe_at(session, index, boot_id=boot_id) for index in range(session.count())]
    known = tuple(gpu for gpu in seen if isinstance(gpu, ObservedGpu))
    return known, tuple(gpu for gpu in seen if isinstance(gpu, UnidentifiedGpu))


def observe_at(session: DriverSession, index: int, *, boot_id: str) -> ObservedGpu | UnidentifiedGpu:
    """The GPU of one index: what it shows, or why the driver does not say which one it is."""
    device = session.device_at(index)
    return device if isinstance(device, UnidentifiedGpu) else observe_gpu(device, boot_id=boot_id)


def observe_gpu(device: Device, *, boot_id: str) -> ObservedGpu:
    """One GPU. When it turns out to be lost, `failure` says so and the rest is what was known by then.

    A name or bus id that the driver does not tell is an empty text in the identity.
    The session's epoch is 0: only a comparison with an earlier observation can settle it.
    """
    look = Look(device)
    identity, tags = _identify(look), _tags(look)
    return ObservedGpu(
        identity=identity,
        session=Session(boot_id=boot_id),
        tags=tags,
        settings={name: _setting(look, name) for name in SETTINGS},
        metrics={name: _metric(look, name) for name in METRICS},
        limits=_limits(look),
        energy_joules=look.read(Device.energy_joules),
        clocks=Clocks(
            performance_state=look.read(Device.performance_state),
            memory_mhz=look.read(Device.memory_clock_mhz),
        ),
        failure=look.failure,
    )


def read_metric(device: Device, name: str) -> Reading[float]:
    """One metric, read now. KeyError for an unknown name."""
    return _metric(Look(device), name)


def read_setting(device: Device, name: str) -> Reading[ReadableValue]:
    """One setting, read now. KeyError for an unknown name."""
    return nvml_settings.read_setting(device, name)


def _metric(look: Look, name: str) -> Reading[float]:
    later = missing_for_now(name)
    return later if later is not None else derive(float, METRIC_READERS[name](look))


def _setting(look: Look, name: str) -> Reading[ReadableValue]:
    getter = nvml_settings.getter_of(name)
    return getter if isinstance(getter, Missing) else look.read(getter)


def _identify(look: Look) -> GpuIdentity:
    name = _or_empty(look.read(Device.name))
    return GpuIdentity(
        uuid=look.device.uuid,
        index=look.device.index,
        name=name,
        model=model_of(name),
        pci_bus_id=_or_empty(look.read(Device.pci_bus_id)),
    )


def _or_empty(text: Reading[str]) -> str:
    return "" if isinstance(text, Missing) else text


def _tags(look: Look) -> dict[str, Reading[str]]:
    memory_mib: Reading[float] = derive(lambda memory: memory.total / _MIB, look.read(Device.memory))
    name = look.read(Device.name)
    return {
        "gpu_model": derive(model_of, name),
        "gpu_name": name,
        "gpu_uuid": look.device.uuid,
        "gpu_index": str(look.device.index),
        "vram_size": derive(lambda known: vram_size(known, memory_mib), name),
        "architecture": look.read(Device.architecture),
        "pci_bus_id": look.read(Device.pci_bus_id),
        "mig_mode": look.read(Device.mig_mode),
    }


def _limits(look: Look) -> Limits:
    power = look.read(Device.power_limit_range_watts)
    return Limits(
        power_min_watts=derive(lambda limits: limits.min, power),
        power_default_watts=look.read(Device.default_power_limit_watts),
        power_max_watts=derive(lambda limits: limits.max, power),
        power_enforced_watts=look.read(Device.enforced_power_limit_watts),
        graphics_clocks_mhz=look.read(Device.graphics_clocks_mhz),
        memory_clocks_mhz=look.read(Device.memory_clocks_mhz),
    )
