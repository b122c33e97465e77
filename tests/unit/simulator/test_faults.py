"""Faults that can be injected, and rights."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pynvml
import pytest

from esnode.simulator import World

Boot = Callable[..., World]


def gpu(index: int = 0) -> Any:
    return pynvml.nvmlDeviceGetHandleByIndex(index)


def code_of(function: Callable[[], object]) -> int:
    try:
        function()
    except pynvml.NVMLError as problem:
        return int(problem.value)
    return 0


def write(limit: int = 500_000) -> int:
    return code_of(lambda: pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), limit))


def test_no_permission_is_for_writing_only(lab: World) -> None:
    lab.set(0, {"fault": "no_permission"})
    assert write() == pynvml.NVML_ERROR_NO_PERMISSION
    assert pynvml.nvmlDeviceGetPowerManagementLimit(gpu()) == 700_000
    lab.set(0, {"fault": "none"})
    assert write() == 0


def test_a_wrong_argument_is_noticed_before_missing_rights(lab: World) -> None:
    lab.set(0, {"fault": "no_permission"})
    assert write(1) == pynvml.NVML_ERROR_INVALID_ARGUMENT
    assert write() == pynvml.NVML_ERROR_NO_PERMISSION


def test_a_machine_may_ask_for_root(boot: Boot, monkeypatch: pytest.MonkeyPatch) -> None:
    boot(root="required")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert write() == pynvml.NVML_ERROR_NO_PERMISSION
    assert write(1) == pynvml.NVML_ERROR_INVALID_ARGUMENT
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert write() == 0


@pytest.mark.parametrize("name", ["gpu_temp_celsius", "nvmlDeviceGetTemperatureV"])
def test_a_call_can_be_unsupported_by_its_symbol_or_its_meaning(lab: World, name: str) -> None:
    lab.set(0, {"fault": f"not_supported:{name}"})
    assert code_of(lambda: pynvml.nvmlDeviceGetTemperatureV(gpu(), 0)) == pynvml.NVML_ERROR_NOT_SUPPORTED
    assert code_of(lambda: pynvml.nvmlDeviceGetTemperatureV(gpu(1), 0)) == 0


def test_one_field_can_fail_and_the_others_answer(lab: World) -> None:
    lab.set(0, {"fault": "sensor_error:gpu_memory_temp_celsius"})
    values = pynvml.nvmlDeviceGetFieldValues(gpu(), [82, 186])
    assert [entry.nvmlReturn for entry in values] == [pynvml.NVML_ERROR_UNKNOWN, 0]


def test_a_lost_gpu_is_counted_and_cannot_be_reached(lab: World) -> None:
    handle, other = gpu(0), pynvml.nvmlDeviceGetUUID(gpu(1))
    lab.set(0, {"fault": "gpu_lost"})
    assert pynvml.nvmlDeviceGetCount() == 2
    assert code_of(lambda: gpu(0)) == pynvml.NVML_ERROR_GPU_IS_LOST
    assert code_of(lambda: pynvml.nvmlDeviceGetPowerUsage(handle)) == pynvml.NVML_ERROR_GPU_IS_LOST
    assert pynvml.nvmlDeviceGetIndex(handle) == 0
    assert pynvml.nvmlDeviceGetPowerUsage(gpu(1)) == 68_000
    # nvml.h: by UUID, any lost GPU makes the look-up fail.
    assert code_of(lambda: pynvml.nvmlDeviceGetHandleByUUID(other)) == pynvml.NVML_ERROR_GPU_IS_LOST
    lab.set(0, {"reset": "now"})
    assert code_of(lambda: gpu(0)) == 0


def test_a_broken_sensor_leaves_identity_alone(lab: World) -> None:
    lab.set(0, {"fault": "sensor_error"})
    assert code_of(lambda: pynvml.nvmlDeviceGetPowerUsage(gpu())) == pynvml.NVML_ERROR_UNKNOWN
    assert pynvml.nvmlDeviceGetName(gpu())


def test_a_setter_can_lie(lab: World) -> None:
    lab.set(0, {"fault": "lying_setter:power_limit_watts"})
    assert write() == 0
    assert pynvml.nvmlDeviceGetPowerManagementLimit(gpu()) == 700_000
    pynvml.nvmlDeviceSetComputeMode(gpu(), 3)
    assert pynvml.nvmlDeviceGetComputeMode(gpu()) == 3


def test_a_fault_can_strike_once(lab: World) -> None:
    lab.set("all", {"fault": "timeout:nvmlDeviceGetPowerUsage:once,no_permission:once"})
    assert code_of(lambda: pynvml.nvmlDeviceGetPowerUsage(gpu())) == pynvml.NVML_ERROR_TIMEOUT
    assert code_of(lambda: pynvml.nvmlDeviceGetPowerUsage(gpu())) == 0
    assert [write(), write()] == [pynvml.NVML_ERROR_NO_PERMISSION, 0]
    assert lab.front_panel()[0].faults == ()
    assert len(lab.front_panel()[1].faults) == 2


def test_a_slow_call_takes_its_time(lab: World) -> None:
    lab.set(0, {"fault": "slow:50:nvmlDeviceGetPowerUsage"})
    began = time.monotonic()
    pynvml.nvmlDeviceGetPowerUsage(gpu())
    assert time.monotonic() - began >= 0.05


def test_a_hanging_call_returns_when_the_fault_is_taken_away(lab: World) -> None:
    lab.set(0, {"fault": "hang:nvmlDeviceGetPowerUsage"})
    caller = threading.Thread(target=lambda: pynvml.nvmlDeviceGetPowerUsage(gpu()), daemon=True)
    caller.start()
    caller.join(0.1)
    assert caller.is_alive()
    lab.set(0, {"fault": "none"})
    caller.join(5)
    assert not caller.is_alive()


def test_the_driver_can_restart_right_behind_a_write(lab: World) -> None:
    lab.set(0, {"fault": "driver_restart:power_limit_watts"})
    assert write() == 0
    assert pynvml.nvmlDeviceGetPowerManagementLimit(gpu()) == 700_000
    assert pynvml.nvmlDeviceGetPersistenceMode(gpu(1)) == 0
    assert lab.front_panel()[0].faults == ()
