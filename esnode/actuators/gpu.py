"""Writes settings to GPUs, and reads them back.

Nothing here decides: values have been rounded to what the hardware can do when the plan was made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from esnode.errors import ArgumentRefused, BadValue, DriverCallFailed, EsnodeError
from esnode.model.readings import Missing, Reading
from esnode.model.settings import (
    COMPUTE_MODE,
    GRAPHICS_CLOCK,
    MEMORY_CLOCK,
    PERSISTENCE,
    POWER_LIMIT,
    SETTINGS,
    ClockRange,
    ReadableValue,
    SettingValue,
)
from esnode.model.writes import Write, Written
from esnode.nvml.device import Device
from esnode.nvml.failures import DRIVER_ERRORS, as_missing, in_words, read
from esnode.nvml.session import DriverSession
from esnode.nvml.settings import read_setting
from esnode.nvml.writer import DeviceWriter
from esnode.units import format_number

SettingWriter = Callable[[DeviceWriter, SettingValue], None]


def _write_power_limit(writer: DeviceWriter, value: SettingValue) -> None:
    if isinstance(value, bool) or not isinstance(value, float | int):
        raise _misfit(POWER_LIMIT, value)
    writer.set_power_limit(value)


def _write_graphics_clock(writer: DeviceWriter, value: SettingValue) -> None:
    match value:
        case None:
            writer.reset_graphics_clock()
        case ClockRange():
            writer.lock_graphics_clock(value)
        case _:
            raise _misfit(GRAPHICS_CLOCK, value)


def _write_memory_clock(writer: DeviceWriter, value: SettingValue) -> None:
    match value:
        case None:
            writer.reset_memory_clock()
        case ClockRange():
            writer.lock_memory_clock(value)
        case _:
            raise _misfit(MEMORY_CLOCK, value)


def _write_persistence(writer: DeviceWriter, value: SettingValue) -> None:
    if not isinstance(value, bool):
        raise _misfit(PERSISTENCE, value)
    writer.set_persistence(value)


def _write_compute_mode(writer: DeviceWriter, value: SettingValue) -> None:
    if not isinstance(value, str):
        raise _misfit(COMPUTE_MODE, value)
    writer.set_compute_mode(value)


def _misfit(setting: str, value: SettingValue) -> BadValue:
    return BadValue(f"{setting} cannot be set to {value!r}")


SETTING_WRITERS: Final[Mapping[str, SettingWriter]] = {
    PERSISTENCE: _write_persistence,
    POWER_LIMIT: _write_power_limit,
    GRAPHICS_CLOCK: _write_graphics_clock,
    MEMORY_CLOCK: _write_memory_clock,
    COMPUTE_MODE: _write_compute_mode,
}


class GpuActuator:
    """The one hand that esnode lays on GPUs."""

    def __init__(self, session: DriverSession) -> None:
        self._session = session

    def write(self, uuid: str, setting: str, value: SettingValue) -> None:
        """Writes one setting of one GPU; None takes a clock lock off.

        Right before the write the driver is asked anew which GPU the handle belongs to. Raises the
        driver errors, naming GPU, setting and value, and, for a value that was refused, what the
        board allows; BadValue for a value that is none of this setting; KeyError for an unknown name.
        """
        write = SETTING_WRITERS[setting]
        device = self._session.device(uuid)
        try:
            write(DeviceWriter(device), value)
        except DriverCallFailed as problem:
            raise _in_context(problem, device, setting, value) from None

    def read_back(self, uuid: str, setting: str) -> Reading[ReadableValue]:
        """What the driver shows now; "write only" for a setting without a getter. Never raises a driver error."""
        try:
            return read_setting(self._session.device(uuid), setting)
        except DRIVER_ERRORS as problem:
            return as_missing(problem)

    def carry_out(self, write: Write) -> Written:
        """Write, then read back, whatever the driver said to the write. A refusal is an answer, not raised."""
        began = time.monotonic()
        error: EsnodeError | None = None
        try:
            self.write(write.uuid, write.setting, write.value)
        except EsnodeError as refused:
            error = refused
        read_back = self.read_back(write.uuid, write.setting) if SETTINGS[write.setting].readable else None
        return Written(error=error, read_back=read_back, seconds=time.monotonic() - began)


def _in_context(problem: DriverCallFailed, device: Device, setting: str, value: SettingValue) -> DriverCallFailed:
    """The same error, in terms of what was to be done."""
    return type(problem)(
        f"{setting} of GPU {device.index} ({device.uuid}) was not set to {SETTINGS[setting].show(value)}: "
        f"{in_words(problem.code)}",
        call=problem.call,
        code=problem.code,
        detail=_what_is_allowed(device, setting) if isinstance(problem, ArgumentRefused) else problem.detail,
        next_step=problem.next_step,
    )


def _what_is_allowed(device: Device, setting: str) -> str:
    return _ALLOWED[setting](device) if setting in _ALLOWED else ""


def _allowed_power(device: Device) -> str:
    limits = read(device.power_limit_range_watts)
    if isinstance(limits, Missing):
        return f"The board's limits are not known: {limits.in_words()}."
    return f"The board takes {format_number(limits.min)} to {format_number(limits.max)} W."


def _allowed_clocks(clocks: Reading[tuple[int, ...]]) -> str:
    if isinstance(clocks, Missing):
        return f"The board's clocks are not known: {clocks.in_words()}."
    return f"The board's clocks go from {clocks[0]} to {clocks[-1]} MHz."


_ALLOWED: Final[Mapping[str, Callable[[Device], str]]] = {
    POWER_LIMIT: _allowed_power,
    GRAPHICS_CLOCK: lambda device: _allowed_clocks(read(device.graphics_clocks_mhz)),
    MEMORY_CLOCK: lambda device: _allowed_clocks(read(device.memory_clocks_mhz)),
}
