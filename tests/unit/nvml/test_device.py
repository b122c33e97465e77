"""Every getter, with a driver that has it, lacks it, refuses it, or has lost the GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from esnode.errors import DriverCallFailed, NotSupported
from esnode.model.readings import UNSUPPORTED, Missing, MissingReason
from esnode.nvml.device import Device, MemoryUse, PowerRange, Utilization
from esnode.nvml.failures import read
from esnode.nvml.session import DriverSession
from tests.unit.nvml.fake_driver import (
    DEPRECATED,
    GPU_IS_LOST,
    NO_PERMISSION,
    NOT_SUPPORTED,
    TIMEOUT,
    UNKNOWN,
    VERSION_MISMATCH,
    FakeDriver,
    FakeGpu,
)

GETTERS: list[tuple[Callable[[Device], Any], Any, tuple[str, ...]]] = [
    (Device.name, "NVIDIA H100 80GB HBM3", ("nvmlDeviceGetName",)),
    (Device.pci_bus_id, "00000000:53:00.0", ("nvmlDeviceGetPciInfo_v3",)),
    (Device.architecture, "Hopper", ("nvmlDeviceGetArchitecture",)),
    (
        Device.memory,
        MemoryUse(total=80 * 2**30, used=2 * 2**30, free=0, reserved=2**30),
        ("nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetMemoryInfo"),
    ),
    (Device.utilization, Utilization(gpu=97, memory=41), ("nvmlDeviceGetUtilizationRates",)),
    (Device.temperature_celsius, 71, ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature")),
    (Device.memory_temperature_celsius, 80, ("nvmlDeviceGetFieldValues",)),
    (Device.temperature_margin_celsius, 16, ("nvmlDeviceGetMarginTemperature",)),
    (Device.power_watts, 612.345, ("nvmlDeviceGetPowerUsage",)),
    (Device.requested_power_limit_watts, 650.0, ("nvmlDeviceGetPowerManagementLimit",)),
    (Device.default_power_limit_watts, 700.0, ("nvmlDeviceGetPowerManagementDefaultLimit",)),
    (
        Device.power_limit_range_watts,
        PowerRange(min=200.0, max=700.0),
        ("nvmlDeviceGetPowerManagementLimitConstraints",),
    ),
    (Device.enforced_power_limit_watts, 600.0, ("nvmlDeviceGetEnforcedPowerLimit",)),
    (Device.energy_joules, 5000.0, ("nvmlDeviceGetTotalEnergyConsumption",)),
    (Device.sm_clock_mhz, 1755, ("nvmlDeviceGetClockInfo",)),
    (Device.memory_clock_mhz, 2617, ("nvmlDeviceGetClockInfo",)),
    (Device.memory_clocks_mhz, (1593, 2619), ("nvmlDeviceGetSupportedMemoryClocks",)),
    (Device.graphics_clocks_mhz, (345, 1593, 1965, 1980), ("nvmlDeviceGetSupportedGraphicsClocks",)),
    (Device.is_persistent, True, ("nvmlDeviceGetPersistenceMode",)),
    (Device.compute_mode, "default", ("nvmlDeviceGetComputeMode",)),
    (Device.mig_mode, "disabled", ("nvmlDeviceGetMigMode",)),
    (Device.uncorrected_ecc_errors, 0, ("nvmlDeviceGetTotalEccErrors",)),
    (
        Device.clocks_event_reasons,
        0x4,
        ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"),
    ),
    (
        Device.process_count,
        2,
        ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v3"),
    ),
    (Device.performance_state, 0, ("nvmlDeviceGetPerformanceState",)),
]
NAMES = [getter.__name__ for getter, _, _ in GETTERS]

REASONS = {
    NOT_SUPPORTED: MissingReason.UNSUPPORTED,
    DEPRECATED: MissingReason.UNSUPPORTED,
    VERSION_MISMATCH: MissingReason.UNSUPPORTED,
    NO_PERMISSION: MissingReason.NOT_PERMITTED,
    GPU_IS_LOST: MissingReason.GPU_LOST,
    TIMEOUT: MissingReason.UNREACHABLE,
    UNKNOWN: MissingReason.NOT_READ,
    19: MissingReason.NOT_READ,
    31337: MissingReason.NOT_READ,
}


def the_device(driver: FakeDriver) -> Device:
    with DriverSession() as session:
        return session.device(driver.gpus[0].uuid)


@pytest.mark.parametrize(("getter", "expected", "symbols"), GETTERS, ids=NAMES)
def test_a_getter_returns_the_fact_in_esnodes_units(
    getter: Callable[[Device], Any], expected: Any, symbols: tuple[str, ...]
) -> None:
    with FakeDriver().plugged() as driver:
        assert getter(the_device(driver)) == expected


@pytest.mark.parametrize(("getter", "expected", "symbols"), GETTERS, ids=NAMES)
def test_a_driver_without_the_symbol_does_not_support_the_fact(
    getter: Callable[[Device], Any], expected: Any, symbols: tuple[str, ...]
) -> None:
    with FakeDriver(absent=set(symbols)).plugged() as driver, pytest.raises(NotSupported) as caught:
        getter(the_device(driver))
    assert driver.gpus[0].uuid in caught.value.summary


@pytest.mark.parametrize("code", REASONS)
@pytest.mark.parametrize(("getter", "expected", "symbols"), GETTERS, ids=NAMES)
def test_a_refused_fact_is_missing_with_its_reason(
    getter: Callable[[Device], Any], expected: Any, symbols: tuple[str, ...], code: int
) -> None:
    with FakeDriver(codes=dict.fromkeys(symbols, code)).plugged() as driver:
        device = the_device(driver)
        reading = read(lambda: getter(device))
    assert isinstance(reading, Missing)
    assert reading.missing is REASONS[code]
    assert reading.detail.startswith("nvmlDeviceGet")


def test_driver_535_is_asked_for_its_temperature_by_the_old_call() -> None:
    absent = {"nvmlDeviceGetTemperatureV", "nvmlDeviceGetMarginTemperature"}
    with FakeDriver(absent=absent).plugged() as driver:
        assert the_device(driver).temperature_celsius() == 71
        assert read(the_device(driver).temperature_margin_celsius) != 16


def test_a_driver_that_dropped_the_old_calls_is_asked_by_the_new_ones() -> None:
    absent = {"nvmlDeviceGetTemperature", "nvmlDeviceGetCurrentClocksThrottleReasons", "nvmlDeviceGetMemoryInfo"}
    with FakeDriver(absent=absent).plugged() as driver:
        device = the_device(driver)
        assert (device.temperature_celsius(), device.clocks_event_reasons()) == (71, 4)
        assert device.memory().reserved == 2**30


def test_only_not_supported_leads_to_the_old_call() -> None:
    with FakeDriver(codes={"nvmlDeviceGetTemperatureV": NO_PERMISSION}).plugged() as driver:
        assert read(the_device(driver).temperature_celsius) != 71
    assert "nvmlDeviceGetTemperature" not in [call[0] for call in driver.calls]


def test_without_the_second_memory_call_the_reserved_part_counts_as_used() -> None:
    with FakeDriver(absent={"nvmlDeviceGetMemoryInfo_v2"}).plugged() as driver:
        memory = the_device(driver).memory()
    assert (memory.used, memory.reserved) == (3 * 2**30, UNSUPPORTED)


def test_frost_is_not_four_billion_degrees() -> None:
    driver = FakeDriver([FakeGpu(temperature=-5)], absent={"nvmlDeviceGetTemperatureV"})
    with driver.plugged():
        assert the_device(driver).temperature_celsius() == -5


def test_a_field_is_judged_by_its_own_code() -> None:
    with FakeDriver([FakeGpu(field_code=NOT_SUPPORTED)]).plugged() as driver:
        reading = read(the_device(driver).memory_temperature_celsius)
    assert reading == Missing(
        missing=MissingReason.UNSUPPORTED, detail="nvmlDeviceGetFieldValues(82): not supported by this GPU"
    )


@pytest.mark.parametrize(("kind", "expected"), [(1, 80), (5, 80), (6, 80), (7, None), (99, None)])
def test_a_field_is_read_by_its_own_type(kind: int, expected: int | None) -> None:
    with FakeDriver([FakeGpu(field_type=kind)]).plugged() as driver:
        reading = read(the_device(driver).memory_temperature_celsius)
    assert reading == expected or (expected is None and isinstance(reading, Missing))


ODD_ANSWERS: list[tuple[FakeGpu, Callable[[Device], Any]]] = [
    (FakeGpu(power=0xFFFF_FFFF), Device.power_watts),
    (FakeGpu(energy=2**64 - 1), Device.energy_joules),
    (FakeGpu(utilization=(0xFFFF_FFFF, 0)), Device.utilization),
    (FakeGpu(architecture=77), Device.architecture),
    (FakeGpu(compute_mode=7), Device.compute_mode),
    (FakeGpu(pstate=32), Device.performance_state),
    (FakeGpu(clocks={}), Device.memory_clocks_mhz),
    (FakeGpu(clocks={}), Device.graphics_clocks_mhz),
]


@pytest.mark.parametrize(("gpu", "getter"), ODD_ANSWERS)
def test_an_answer_that_means_nothing_is_not_taken_for_a_value(gpu: FakeGpu, getter: Callable[[Device], Any]) -> None:
    with FakeDriver([gpu]).plugged() as driver, pytest.raises(NotSupported):
        getter(the_device(driver))


def test_a_name_that_is_no_text_is_a_failed_call() -> None:
    def garbage(_driver: FakeDriver, _handle: Any, buffer: Any, _size: Any) -> int:
        buffer.value = b"H100\xff"
        return 0

    driver = FakeDriver()
    driver.functions["nvmlDeviceGetName"] = garbage
    with driver.plugged(), pytest.raises(DriverCallFailed):
        the_device(driver).name()


def test_a_list_that_is_longer_than_anybody_thought_is_asked_for_again_with_room_for_it() -> None:
    with FakeDriver([FakeGpu(compute_pids=tuple(range(1, 2001)), graphics_pids=())]).plugged() as driver:
        assert the_device(driver).process_count() == 2000
    assert [call[0] for call in driver.calls].count("nvmlDeviceGetComputeRunningProcesses_v3") == 2
