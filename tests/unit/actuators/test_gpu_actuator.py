"""Writing settings: the right call with the right value, every code checked, every refusal in context."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from esnode.actuators.gpu import SETTING_WRITERS, GpuActuator
from esnode.errors import (
    ArgumentRefused,
    BadValue,
    DriverCallFailed,
    DriverTimeout,
    GpuLost,
    NotPermitted,
    NotSupported,
)
from esnode.model.readings import WRITE_ONLY, Missing, MissingReason
from esnode.model.settings import SETTINGS, ClockRange, SettingValue
from esnode.nvml.session import DriverSession
from tests.unit.nvml.fake_driver import (
    GPU_IS_LOST,
    INVALID_ARGUMENT,
    NO_PERMISSION,
    NOT_SUPPORTED,
    TIMEOUT,
    UNKNOWN,
    FakeDriver,
    FakeGpu,
)

R = TypeVar("R")

UUID = FakeGpu().uuid

WRITES: list[tuple[str, SettingValue, tuple[Any, ...]]] = [
    ("power_limit_watts", 512.5, ("nvmlDeviceSetPowerManagementLimit", 512_500)),
    ("power_limit_watts", 93.42, ("nvmlDeviceSetPowerManagementLimit", 93_420)),
    ("graphics_clock_mhz", ClockRange(min=345, max=1410), ("nvmlDeviceSetGpuLockedClocks", 345, 1410)),
    ("graphics_clock_mhz", None, ("nvmlDeviceResetGpuLockedClocks",)),
    ("memory_clock_mhz", ClockRange(min=1593, max=1593), ("nvmlDeviceSetMemoryLockedClocks", 1593, 1593)),
    ("memory_clock_mhz", None, ("nvmlDeviceResetMemoryLockedClocks",)),
    ("persistence_mode", False, ("nvmlDeviceSetPersistenceMode", 0)),
    ("persistence_mode", True, ("nvmlDeviceSetPersistenceMode", 1)),
    ("compute_mode", "exclusive_process", ("nvmlDeviceSetComputeMode", 3)),
]
ERRORS: dict[int, type[DriverCallFailed]] = {
    NOT_SUPPORTED: NotSupported,
    NO_PERMISSION: NotPermitted,
    INVALID_ARGUMENT: ArgumentRefused,
    GPU_IS_LOST: GpuLost,
    TIMEOUT: DriverTimeout,
    UNKNOWN: DriverCallFailed,
    19: DriverCallFailed,
}


def with_actuator(driver: FakeDriver, act: Callable[[GpuActuator], R]) -> R:
    with driver.plugged(), DriverSession() as session:
        return act(GpuActuator(session))


def test_every_setting_has_a_writer() -> None:
    assert SETTING_WRITERS.keys() == SETTINGS.keys()


@pytest.mark.parametrize(("setting", "value", "call"), WRITES)
def test_a_write_is_one_call_right_after_the_uuid_was_checked(
    setting: str, value: SettingValue, call: tuple[Any, ...]
) -> None:
    driver = FakeDriver()
    with_actuator(driver, lambda actuator: actuator.write(UUID, setting, value))
    assert driver.calls[-2] == call  # the last one is the session's end
    assert driver.calls[-3][0] == "nvmlDeviceGetUUID"
    assert sum("Set" in symbol or "Reset" in symbol for symbol, *_ in driver.calls) == 1


@pytest.mark.parametrize("code", ERRORS)
@pytest.mark.parametrize(("setting", "value", "call"), WRITES)
def test_a_write_that_the_driver_refuses_raises_and_names_gpu_setting_and_value(
    setting: str, value: SettingValue, call: tuple[Any, ...], code: int
) -> None:
    driver = FakeDriver(codes={call[0]: code})
    with pytest.raises(ERRORS[code]) as caught:
        with_actuator(driver, lambda actuator: actuator.write(UUID, setting, value))
    for part in (UUID, setting, SETTINGS[setting].show(value)):
        assert part in caught.value.summary
    assert (caught.value.call, caught.value.code) == (call[0], code)


@pytest.mark.parametrize(("setting", "value", "call"), WRITES)
def test_a_driver_without_the_setter_is_not_taken_for_a_success(
    setting: str, value: SettingValue, call: tuple[Any, ...]
) -> None:
    with pytest.raises(NotSupported):
        with_actuator(FakeDriver(absent={call[0]}), lambda actuator: actuator.write(UUID, setting, value))


def test_the_wrapper_that_swallows_the_drivers_code_is_never_called() -> None:
    driver = FakeDriver(codes={"nvmlDeviceSetPowerManagementLimit": NOT_SUPPORTED})
    with pytest.raises(NotSupported):
        with_actuator(driver, lambda actuator: actuator.write(UUID, "power_limit_watts", 300))
    assert not [symbol for symbol, *_ in driver.calls if symbol == "nvmlDeviceSetPowerManagementLimit_v2"]


@pytest.mark.parametrize(
    ("setting", "value", "symbol", "allowed"),
    [
        ("power_limit_watts", 900, "nvmlDeviceSetPowerManagementLimit", "The board takes 200 to 700 W."),
        (
            "graphics_clock_mhz",
            ClockRange(min=9, max=9),
            "nvmlDeviceSetGpuLockedClocks",
            "The board's clocks go from 345 to 1980 MHz.",
        ),
        (
            "memory_clock_mhz",
            ClockRange(min=9, max=9),
            "nvmlDeviceSetMemoryLockedClocks",
            "The board's clocks go from 1593 to 2619 MHz.",
        ),
    ],
)
def test_a_refused_value_comes_with_what_the_board_allows(
    setting: str, value: SettingValue, symbol: str, allowed: str
) -> None:
    driver = FakeDriver(codes={symbol: INVALID_ARGUMENT})
    with pytest.raises(ArgumentRefused) as caught:
        with_actuator(driver, lambda actuator: actuator.write(UUID, setting, value))
    assert caught.value.detail == allowed


MISFITS: list[tuple[str, SettingValue]] = [
    ("power_limit_watts", None),
    ("power_limit_watts", True),
    ("power_limit_watts", float("nan")),
    ("power_limit_watts", -1.0),
    ("power_limit_watts", 0),
    ("power_limit_watts", 4_294_968.0),
    ("graphics_clock_mhz", 345.0),
    ("graphics_clock_mhz", ClockRange(min=1410, max=345)),
    ("graphics_clock_mhz", ClockRange(min=-1, max=345)),
    ("graphics_clock_mhz", ClockRange(min=0xFFFF_FF01, max=0xFFFF_FF02)),
    ("memory_clock_mhz", "fast"),
    ("persistence_mode", 1.0),
    ("compute_mode", True),
    ("compute_mode", "turbo"),
]


@pytest.mark.parametrize(("setting", "value"), MISFITS)
def test_a_value_that_is_none_of_the_setting_never_reaches_the_driver(setting: str, value: SettingValue) -> None:
    driver = FakeDriver()
    with pytest.raises(BadValue):
        with_actuator(driver, lambda actuator: actuator.write(UUID, setting, value))
    assert not [symbol for symbol, *_ in driver.calls if "Set" in symbol]


def test_nothing_is_written_to_a_gpu_that_is_gone() -> None:
    driver = FakeDriver([FakeGpu(uuid="GPU-other")])
    with pytest.raises(GpuLost):
        with_actuator(driver, lambda actuator: actuator.write(UUID, "power_limit_watts", 300))
    assert not [symbol for symbol, *_ in driver.calls if "Set" in symbol]


def test_what_was_written_is_read_back() -> None:
    def write_and_read(actuator: GpuActuator) -> list[object]:
        actuator.write(UUID, "power_limit_watts", 512.5)
        actuator.write(UUID, "compute_mode", "prohibited")
        actuator.write(UUID, "persistence_mode", False)
        return [actuator.read_back(UUID, name) for name in ("power_limit_watts", "compute_mode", "persistence_mode")]

    assert with_actuator(FakeDriver(), write_and_read) == [512.5, "prohibited", False]


def test_a_clock_lock_cannot_be_read_back() -> None:
    assert with_actuator(FakeDriver(), lambda actuator: actuator.read_back(UUID, "graphics_clock_mhz")) == WRITE_ONLY


def test_reading_back_from_a_lost_gpu_is_a_reason_not_an_error() -> None:
    driver = FakeDriver()
    driver.lose(0)
    reading = with_actuator(driver, lambda actuator: actuator.read_back(UUID, "power_limit_watts"))
    assert isinstance(reading, Missing)
    assert reading.missing is MissingReason.GPU_LOST
