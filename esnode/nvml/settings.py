"""How each setting is read from the driver: one row per setting that has a getter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from esnode.model.readings import WRITE_ONLY, Missing, Reading
from esnode.model.settings import COMPUTE_MODE, PERSISTENCE, POWER_LIMIT, SETTINGS, ReadableValue
from esnode.nvml.device import Device
from esnode.nvml.failures import read

SETTING_GETTERS: Final[Mapping[str, Callable[[Device], ReadableValue]]] = {
    PERSISTENCE: Device.is_persistent,
    POWER_LIMIT: Device.requested_power_limit_watts,
    COMPUTE_MODE: Device.compute_mode,
}


def getter_of(name: str) -> Callable[[Device], ReadableValue] | Missing:
    """The setting's getter, or "write only" where no driver has one. KeyError for an unknown name."""
    return SETTING_GETTERS[name] if SETTINGS[name].readable else WRITE_ONLY


def read_setting(device: Device, name: str) -> Reading[ReadableValue]:
    """A setting's present value, read now. KeyError for an unknown name."""
    getter = getter_of(name)
    return getter if isinstance(getter, Missing) else read(lambda: getter(device))
