"""Observing GPUs through the driver."""

from __future__ import annotations

from collections import Counter

import pytest

from esnode.model.hardware import ObservedGpu, Session, UnidentifiedGpu
from esnode.model.metrics import METRICS
from esnode.model.readings import WRITE_ONLY, Missing, MissingReason
from esnode.model.settings import SETTINGS
from esnode.nvml.session import DriverSession
from esnode.nvml.settings import SETTING_GETTERS
from esnode.sensors.gpu import METRIC_READERS, observe_at, observe_gpus, read_metric, read_setting
from tests.unit.nvml.fake_driver import NO_PERMISSION, NOT_SUPPORTED, UNKNOWN, FakeDriver, FakeGpu

Seen = tuple[tuple[ObservedGpu, ...], tuple[UnidentifiedGpu, ...]]


def observe(driver: FakeDriver) -> Seen:
    with driver.plugged(), DriverSession() as session:
        return observe_gpus(session, boot_id="boot-1")


def the_gpu(driver: FakeDriver) -> ObservedGpu:
    (gpu,), _ = observe(driver)
    return gpu


def test_every_metric_has_a_reader_or_the_reason_why_not() -> None:
    assert METRIC_READERS.keys() == {name for name, row in METRICS.items() if not (row.loop_only or row.outside)}


def test_every_readable_setting_has_a_getter() -> None:
    assert SETTING_GETTERS.keys() == {name for name, row in SETTINGS.items() if row.readable}


def test_a_gpu_is_observed_with_every_key_of_the_tables() -> None:
    gpu = the_gpu(FakeDriver())
    assert gpu.metrics.keys() == METRICS.keys()
    assert gpu.settings.keys() == SETTINGS.keys()
    assert (gpu.session, gpu.failure) == (Session(boot_id="boot-1", epoch=0), None)


def test_identity_and_tags_are_the_hardwares() -> None:
    gpu = the_gpu(FakeDriver())
    assert (gpu.identity.index, gpu.identity.model, gpu.identity.label) == (0, "H100", "GPU-0")
    assert gpu.tags == {
        "gpu_model": "H100",
        "gpu_name": "NVIDIA H100 80GB HBM3",
        "gpu_uuid": "GPU-00000000-aaaa",
        "gpu_index": "0",
        "vram_size": "80GB",
        "architecture": "Hopper",
        "pci_bus_id": "00000000:53:00.0",
        "mig_mode": "disabled",
    }


def test_metrics_are_in_the_units_of_their_table() -> None:
    metrics = the_gpu(FakeDriver()).metrics
    assert metrics["gpu_power_watts"] == 612.345
    assert metrics["memory_allocated_percent"] == 2.5
    assert metrics["power_limit_percent"] == pytest.approx(92.857142)
    assert (metrics["throttle_reason_sw_power_cap"], metrics["throttle_reason_gpu_idle"]) == (1.0, 0.0)
    assert all(isinstance(value, float | Missing) for value in metrics.values())


def test_requested_and_enforced_power_are_two_things() -> None:
    gpu = the_gpu(FakeDriver())
    assert (gpu.settings["power_limit_watts"], gpu.limits.power_enforced_watts) == (650.0, 600.0)


def test_the_clocks_that_locks_are_judged_by_are_read() -> None:
    clocks = the_gpu(FakeDriver()).clocks
    assert (clocks.performance_state, clocks.memory_mhz) == (0, 2617)


def test_a_clock_lock_is_write_only() -> None:
    settings = the_gpu(FakeDriver()).settings
    assert settings["graphics_clock_mhz"] == settings["memory_clock_mhz"] == WRITE_ONLY


def test_each_value_is_read_once_and_what_the_product_is_in_the_first_look_only() -> None:
    driver = FakeDriver()
    with driver.plugged(), DriverSession() as session:
        assert asked(driver, session) == IN_EACH_LOOK + IN_THE_FIRST_LOOK
        assert asked(driver, session) == IN_EACH_LOOK


def asked(driver: FakeDriver, session: DriverSession) -> Counter[str]:
    """What one look at a GPU asks of the driver: how often each symbol is called."""
    driver.calls.clear()
    observe_at(session, 0, boot_id="boot-1")
    return Counter(symbol.removeprefix("nvmlDevice") for symbol, *_ in driver.calls)


IN_EACH_LOOK = Counter(
    {
        "GetHandleByIndex_v2": 1,  # handles can become stale, and an index another GPU's
        "GetUUID": 1,
        "GetPersistenceMode": 1,
        "GetComputeMode": 1,
        "GetMigMode": 1,
        "GetPowerManagementLimit": 1,
        "GetPowerManagementDefaultLimit": 1,
        "GetPowerManagementLimitConstraints": 1,
        "GetEnforcedPowerLimit": 1,
        "GetPowerUsage": 1,
        "GetTotalEnergyConsumption": 1,
        "GetTemperatureV": 1,
        "GetMarginTemperature": 1,
        "GetFieldValues": 1,  # the memory's temperature
        "GetMemoryInfo_v2": 1,
        "GetUtilizationRates": 1,
        "GetClockInfo": 2,  # of SM and memory
        "GetPerformanceState": 1,
        "GetCurrentClocksEventReasons": 1,
        "GetTotalEccErrors": 1,
        "GetComputeRunningProcesses_v3": 1,
        "GetGraphicsRunningProcesses_v3": 1,
    }
)
IN_THE_FIRST_LOOK = Counter(
    {
        "GetName": 1,
        "GetPciInfo_v3": 1,
        "GetArchitecture": 1,
        "GetSupportedMemoryClocks": 1,
        "GetSupportedGraphicsClocks": 2,  # of each memory clock
    }
)


def test_an_unsupported_metric_is_missing_and_never_zero() -> None:
    gpu = the_gpu(FakeDriver(codes={"nvmlDeviceGetUtilizationRates": NOT_SUPPORTED}))
    for name in ("gpu_utilization", "memory_utilization"):
        reading = gpu.metric(name)
        assert isinstance(reading, Missing)
        assert reading.missing is MissingReason.UNSUPPORTED
    assert gpu.failure is None


def test_a_share_of_an_unknown_whole_is_missing_with_the_wholes_reason() -> None:
    gpu = the_gpu(FakeDriver(codes={"nvmlDeviceGetPowerManagementDefaultLimit": NO_PERMISSION}))
    reading = gpu.metric("power_limit_percent")
    assert isinstance(reading, Missing)
    assert reading.missing is MissingReason.NOT_PERMITTED


def test_a_share_of_nothing_is_missing() -> None:
    reading = the_gpu(FakeDriver([FakeGpu(memory=(0, 0, 0))])).metric("memory_allocated_percent")
    assert isinstance(reading, Missing)


def test_a_board_without_mig_has_no_mig_tag() -> None:
    tag = the_gpu(FakeDriver(codes={"nvmlDeviceGetMigMode": NOT_SUPPORTED})).tags["mig_mode"]
    assert isinstance(tag, Missing)
    assert tag.missing is MissingReason.UNSUPPORTED


def test_a_sensors_error_costs_its_metric_only() -> None:
    gpu = the_gpu(FakeDriver(codes={"nvmlDeviceGetTemperatureV": UNKNOWN}))
    assert isinstance(gpu.metric("gpu_temp_celsius"), Missing)
    assert gpu.metric("gpu_power_watts") == 612.345


def test_a_gpu_lost_midway_keeps_what_was_known_and_is_asked_nothing_more() -> None:
    driver = FakeDriver([FakeGpu(), FakeGpu(uuid="GPU-b")])
    known = ("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID", "nvmlDeviceGetName", "nvmlDeviceGetPciInfo_v3")
    driver.lose(0, after=known)
    (lost, other), unidentified = observe(driver)
    assert lost.is_lost
    assert (lost.identity.model, lost.tags["gpu_model"]) == ("H100", "H100")
    assert lost.metric("gpu_temp_celsius") == lost.failure
    assert (other.failure, unidentified) == (None, ())
    assert [symbol for symbol, *_ in driver.calls].count("nvmlDeviceGetPowerUsage") == 1


def test_a_gpu_without_a_handle_is_counted_and_the_others_are_read() -> None:
    driver = FakeDriver([FakeGpu(uuid=f"GPU-{letter}") for letter in "abc"])
    driver.lose(1)
    gpus, unidentified = observe(driver)
    assert [gpu.identity.index for gpu in gpus] == [0, 2]
    assert [gpu.index for gpu in unidentified] == [1]


def test_one_metric_or_setting_can_be_read_alone() -> None:
    driver = FakeDriver()
    with driver.plugged(), DriverSession() as session:
        device = session.device(driver.gpus[0].uuid)
        assert read_metric(device, "gpu_temp_celsius") == 71.0
        assert read_setting(device, "compute_mode") == "default"
        assert read_setting(device, "memory_clock_mhz") == WRITE_ONLY
        for unread in ("tokens_per_watt", "xid_error", "prometheus:up"):
            reading = read_metric(device, unread)
            assert isinstance(reading, Missing)
            assert (reading.missing, bool(reading.detail)) == (MissingReason.NOT_READ, True)
