"""What a program sees through pynvml on a simulated machine."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pynvml
import pytest

from esnode.simulator import World
from esnode.simulator.exports import exported_by
from esnode.simulator.symbols import known_symbols
from tests.unit.simulator.worlds import busy

Boot = Callable[..., World]


def gpu(index: int = 0) -> Any:
    return pynvml.nvmlDeviceGetHandleByIndex(index)


def code_of(function: Callable[[], object]) -> int:
    """The NVML code that a call ends with."""
    try:
        function()
    except pynvml.NVMLError as problem:
        return int(problem.value)
    return 0


def test_names_uuids_and_addresses_lead_to_the_same_gpu(lab: World) -> None:
    uuid = pynvml.nvmlDeviceGetUUID(gpu(1))
    bus = pynvml.nvmlDeviceGetPciInfo(gpu(1)).busId
    assert pynvml.nvmlDeviceGetIndex(pynvml.nvmlDeviceGetHandleByUUID(uuid)) == 1
    assert pynvml.nvmlDeviceGetIndex(pynvml.nvmlDeviceGetHandleByPciBusId(bus)) == 1
    assert pynvml.nvmlDeviceGetIndex(pynvml.nvmlDeviceGetHandleByPciBusId(bus.removeprefix("0000"))) == 1
    assert pynvml.nvmlDeviceGetName(gpu()) == "NVIDIA H100 80GB HBM3"
    assert lab.gpus[1].uuid == uuid


def test_versions_are_those_of_the_world(boot: Boot) -> None:
    boot(driver=595)
    assert pynvml.nvmlSystemGetDriverVersion() == "595.91.07"
    assert pynvml.nvmlSystemGetCudaDriverVersion() == 13020
    assert pynvml.nvmlSystemGetNVMLVersion() == "13.595.91.07"


def test_nothing_but_the_version_and_error_texts_works_before_init(lab: World) -> None:
    handle = gpu()
    pynvml.nvmlShutdown()
    assert code_of(lambda: pynvml.nvmlDeviceGetPowerUsage(handle)) == pynvml.NVML_ERROR_UNINITIALIZED
    assert code_of(pynvml.nvmlDeviceGetCount) == pynvml.NVML_ERROR_UNINITIALIZED
    assert code_of(pynvml.nvmlShutdown) == pynvml.NVML_ERROR_UNINITIALIZED
    assert pynvml.nvmlSystemGetNVMLVersion()
    assert pynvml.nvmlErrorString(15) == "GPU is lost"


def test_the_library_counts_its_inits(lab: World) -> None:
    pynvml.nvmlInit()
    pynvml.nvmlShutdown()
    assert pynvml.nvmlDeviceGetCount() == 2
    pynvml.nvmlShutdown()
    assert code_of(pynvml.nvmlDeviceGetCount) == pynvml.NVML_ERROR_UNINITIALIZED


def test_errors_that_pynvml_has_no_text_for_can_be_printed(lab: World) -> None:
    assert "requested functionality" in str(pynvml.NVMLError(26)).lower()


def test_an_idle_gpu_reads_like_the_real_board(lab: World) -> None:
    assert pynvml.nvmlDeviceGetClockInfo(gpu(), pynvml.NVML_CLOCK_SM) == 345
    assert pynvml.nvmlDeviceGetClockInfo(gpu(), pynvml.NVML_CLOCK_MEM) == 2619
    assert pynvml.nvmlDeviceGetPowerUsage(gpu()) == 68_000
    assert pynvml.nvmlDeviceGetTemperatureV(gpu(), 0) == pynvml.nvmlDeviceGetTemperature(gpu(), 0) == 30
    assert pynvml.nvmlDeviceGetMarginTemperature(gpu()) == 57
    assert pynvml.nvmlDeviceGetCurrentClocksEventReasons(gpu()) == pynvml.nvmlClocksEventReasonGpuIdle
    assert pynvml.nvmlDeviceGetPerformanceState(gpu()) == 0


def test_some_boards_idle_at_a_high_clock_and_read_a_megahertz_less(boot: Boot) -> None:
    boot(gpus="[{board: T4}, {board: L40S}, {board: H200}]")
    assert pynvml.nvmlDeviceGetClockInfo(gpu(0), pynvml.NVML_CLOCK_SM) == 1590
    assert pynvml.nvmlDeviceGetClockInfo(gpu(0), pynvml.NVML_CLOCK_MEM) == 5000
    assert pynvml.nvmlDeviceGetClockInfo(gpu(1), pynvml.NVML_CLOCK_SM) == 2040
    assert pynvml.nvmlDeviceGetCurrentClocksEventReasons(gpu(1)) == pynvml.nvmlClocksEventReasonGpuIdle
    assert pynvml.nvmlDeviceGetClockInfo(gpu(2), pynvml.NVML_CLOCK_MEM) == 3199


def test_memory_is_told_with_and_without_the_reserved_part(boot: Boot) -> None:
    boot(gpus=busy())
    first, second = pynvml.nvmlDeviceGetMemoryInfo(gpu()), pynvml.nvmlDeviceGetMemoryInfo(gpu(), pynvml.nvmlMemory_v2)
    assert first.used == second.used + second.reserved
    assert second.total == second.used + second.reserved + second.free
    assert round(100 * second.used / second.total) == 80


def test_a_power_limit_is_read_back_and_refused_outside_of_its_range(lab: World) -> None:
    pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 500_500)
    assert pynvml.nvmlDeviceGetPowerManagementLimit(gpu()) == 500_500
    assert pynvml.nvmlDeviceGetPowerManagementLimitConstraints(gpu()) == [200_000, 700_000]
    assert code_of(lambda: pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 199_999)) == 2
    assert code_of(lambda: pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 700_001)) == 2
    assert pynvml.nvmlDeviceGetPowerManagementLimit(gpu()) == 500_500


def test_the_enforced_limit_is_the_lowest_of_all_limiters(boot: Boot) -> None:
    boot(gpus="[{board: H100-SXM, out_of_band_limit_watts: 500}]")
    assert pynvml.nvmlDeviceGetPowerManagementLimit(gpu()) == 700_000
    assert pynvml.nvmlDeviceGetEnforcedPowerLimit(gpu()) == 500_000
    pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 400_000)
    assert pynvml.nvmlDeviceGetEnforcedPowerLimit(gpu()) == 400_000


def test_only_grace_modules_have_a_module_limit(boot: Boot) -> None:
    boot(gpus="[{board: GB200}, {board: H100-SXM}]")
    current, module = pynvml.NVML_FI_DEV_POWER_CURRENT_LIMIT, pynvml.NVML_POWER_SCOPE_MODULE
    pynvml.nvmlDeviceSetPowerManagementLimit_v2(gpu(), module, 2_000_000)
    values = pynvml.nvmlDeviceGetFieldValues(gpu(), [(current, module), current])
    assert [entry.value.uiVal for entry in values] == [2_000_000, 1_200_000]
    values = pynvml.nvmlDeviceGetFieldValues(gpu(1), [(current, module), current])
    assert [entry.nvmlReturn for entry in values] == [pynvml.NVML_ERROR_NOT_SUPPORTED, 0]


def test_each_field_has_a_status_of_its_own(lab: World) -> None:
    values = pynvml.nvmlDeviceGetFieldValues(gpu(), [82, 9999, 193])
    assert [entry.nvmlReturn for entry in values] == [0, pynvml.NVML_ERROR_NOT_SUPPORTED, 0]
    assert values[0].value.uiVal == 38
    assert values[2].value.siVal == -8
    assert code_of(lambda: pynvml.nvmlDeviceGetFieldValues(gpu(), [9999])) == pynvml.NVML_ERROR_NOT_SUPPORTED


def test_old_boards_have_thresholds_and_new_ones_margins(boot: Boot) -> None:
    boot(gpus="[{board: T4}, {board: H100-SXM}]")
    slowdown = pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN
    assert pynvml.nvmlDeviceGetTemperatureThreshold(gpu(0), slowdown) == 93
    assert code_of(lambda: pynvml.nvmlDeviceGetMarginTemperature(gpu(0))) == 3
    assert code_of(lambda: pynvml.nvmlDeviceGetTemperatureThreshold(gpu(1), slowdown)) == 3


def test_clock_tables_are_told_highest_first_by_memory_clock(boot: Boot) -> None:
    boot(gpus="[{board: L40S}]")
    assert pynvml.nvmlDeviceGetSupportedMemoryClocks(gpu()) == [9001, 405]
    assert len(pynvml.nvmlDeviceGetSupportedGraphicsClocks(gpu(), 9001)) == 155
    assert pynvml.nvmlDeviceGetSupportedGraphicsClocks(gpu(), 405)[0] == 405
    assert code_of(lambda: pynvml.nvmlDeviceGetSupportedGraphicsClocks(gpu(), 5000)) == pynvml.NVML_ERROR_NOT_FOUND


def test_a_lock_snaps_to_the_table_holds_the_clock_and_cannot_be_read(lab: World) -> None:
    pynvml.nvmlDeviceSetGpuLockedClocks(gpu(), 1403, 1403)
    assert pynvml.nvmlDeviceGetClockInfo(gpu(), pynvml.NVML_CLOCK_SM) == 1410
    assert pynvml.nvmlDeviceGetCurrentClocksEventReasons(gpu()) == 0
    text = pynvml.nvmlDeviceGetCurrentClockFreqs(gpu())
    assert "nvclockmin=345, nvclockmax=1980" in text
    pynvml.nvmlDeviceResetGpuLockedClocks(gpu())
    assert pynvml.nvmlDeviceGetClockInfo(gpu(), pynvml.NVML_CLOCK_SM) == 345


@pytest.mark.parametrize("low, high", [(1400, 345), (0xFFFFFF01, 1400), (345, 0xFFFFFF02), (0, 0)])
def test_a_lock_without_sense_is_refused(lab: World, low: int, high: int) -> None:
    assert code_of(lambda: pynvml.nvmlDeviceSetGpuLockedClocks(gpu(), low, high)) == 2


def test_unlimited_is_no_lock(lab: World) -> None:
    pynvml.nvmlDeviceSetGpuLockedClocks(gpu(), 1400, 1400)
    pynvml.nvmlDeviceSetGpuLockedClocks(gpu(), 0xFFFFFF02, 0xFFFFFF02)
    assert lab.front_panel()[0].graphics_lock is None


def test_memory_clocks_cannot_be_locked_before_ampere(boot: Boot) -> None:
    boot(gpus="[{board: T4}, {board: H100-SXM}]")
    assert code_of(lambda: pynvml.nvmlDeviceSetMemoryLockedClocks(gpu(0), 5001, 5001)) == 3
    pynvml.nvmlDeviceSetMemoryLockedClocks(gpu(1), 1500, 1600)
    assert pynvml.nvmlDeviceGetClockInfo(gpu(1), pynvml.NVML_CLOCK_MEM) == 1593


def test_modes_are_read_back(lab: World) -> None:
    pynvml.nvmlDeviceSetPersistenceMode(gpu(), 0)
    pynvml.nvmlDeviceSetComputeMode(gpu(), pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS)
    assert pynvml.nvmlDeviceGetPersistenceMode(gpu()) == 0
    assert pynvml.nvmlDeviceGetComputeMode(gpu()) == pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS
    assert code_of(lambda: pynvml.nvmlDeviceSetComputeMode(gpu(), 7)) == 2


def test_ecc_is_pending_until_a_reset(lab: World) -> None:
    pynvml.nvmlDeviceSetEccMode(gpu(), 0)
    assert pynvml.nvmlDeviceGetEccMode(gpu()) == [1, 0]
    lab.set(0, {"reset": "now"})
    assert pynvml.nvmlDeviceGetEccMode(gpu()) == [0, 0]


def test_mig_resets_the_gpu_and_takes_utilization_away(lab: World) -> None:
    pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 500_000)
    assert pynvml.nvmlDeviceSetMigMode(gpu(), 1) == 0
    assert pynvml.nvmlDeviceGetMigMode(gpu()) == [1, 1]
    assert pynvml.nvmlDeviceGetPowerManagementLimit(gpu()) == 700_000
    assert pynvml.nvmlDeviceGetPersistenceMode(gpu()) == 0
    assert code_of(lambda: pynvml.nvmlDeviceGetUtilizationRates(gpu())) == 3


def test_mig_on_a_busy_gpu_waits_for_its_reset(boot: Boot) -> None:
    boot(gpus="[{board: H100-SXM, processes: [{name: train}]}]")
    assert pynvml.nvmlDeviceSetMigMode(gpu(), 1) == pynvml.NVML_ERROR_IN_USE
    assert pynvml.nvmlDeviceGetMigMode(gpu()) == [0, 1]


def test_processes_share_the_memory_and_have_numbers_that_no_real_one_has(boot: Boot) -> None:
    processes = "[{name: train, memory_mib: 1000}, {name: serve}, {name: desktop, type: graphics}]"
    boot(gpus=f"[{{board: H100-SXM, workload: {{utilization: 90, memory: 50}}, processes: {processes}}}]")
    compute = pynvml.nvmlDeviceGetComputeRunningProcesses(gpu())
    assert next(process.usedGpuMemory for process in compute) == 1000 * 2**20
    assert len(pynvml.nvmlDeviceGetGraphicsRunningProcesses(gpu())) == 1
    assert all(process.pid > 2**22 for process in compute)
    assert pynvml.nvmlSystemGetProcessName(compute[1].pid) == "serve"
    assert [sample.smUtil for sample in pynvml.nvmlDeviceGetProcessUtilization(gpu(), 0)] == [30, 30, 30]


def test_no_samples_of_processes_is_not_found(lab: World) -> None:
    assert code_of(lambda: pynvml.nvmlDeviceGetProcessUtilization(gpu(), 0)) == pynvml.NVML_ERROR_NOT_FOUND


def test_only_boards_with_fans_tell_their_speed(boot: Boot) -> None:
    boot(gpus="[{board: RTX4090, workload: {utilization: 100}}, {board: H100-SXM}]")
    assert pynvml.nvmlDeviceGetFanSpeed(gpu(0)) > 30
    assert code_of(lambda: pynvml.nvmlDeviceGetFanSpeed(gpu(1))) == 3
    assert code_of(lambda: pynvml.nvmlDeviceGetEccMode(gpu(0))) == 3


# -- drivers ---------------------------------------------------------------------------------------


def test_an_older_driver_lacks_newer_symbols(boot: Boot) -> None:
    boot(driver=535)
    assert code_of(lambda: pynvml.nvmlDeviceGetTemperatureV(gpu(), 0)) == pynvml.NVML_ERROR_FUNCTION_NOT_FOUND
    assert code_of(lambda: pynvml.nvmlDeviceGetMarginTemperature(gpu())) == pynvml.NVML_ERROR_FUNCTION_NOT_FOUND
    assert pynvml.nvmlDeviceGetTemperature(gpu(), 0) == 30
    assert pynvml.nvmlDeviceGetCurrentClocksEventReasons(gpu()) == 1


def test_application_clocks_are_deprecated_from_595_on(boot: Boot) -> None:
    boot(driver=595)
    assert code_of(lambda: pynvml.nvmlDeviceGetApplicationsClock(gpu(), 0)) == pynvml.NVML_ERROR_DEPRECATED
    assert code_of(lambda: pynvml.nvmlDeviceGetDefaultApplicationsClock(gpu(), 0)) == pynvml.NVML_ERROR_DEPRECATED
    assert code_of(lambda: pynvml.nvmlDeviceGetPowerState(gpu())) == pynvml.NVML_ERROR_DEPRECATED
    assert pynvml.nvmlDeviceGetPerformanceState(gpu()) == 0


def test_application_clocks_begin_under_the_maximum_on_an_a100(boot: Boot) -> None:
    boot(gpus="[{board: A100-SXM-40GB}]", driver=570)
    assert pynvml.nvmlDeviceGetApplicationsClock(gpu(), pynvml.NVML_CLOCK_GRAPHICS) == 1095


@pytest.mark.parametrize("branch, missing", [(535, 99), (550, 81), (615, 0)])
def test_drivers_have_as_many_of_pynvmls_symbols_as_their_real_libraries(branch: int, missing: int) -> None:
    import inspect
    import re

    named = set(re.findall(r'_nvmlGetFunctionPointer\("(\w+)"\)', inspect.getsource(pynvml)))
    assert len([name for name in named if name in exported_by(615) - exported_by(branch)]) == missing


def test_everything_that_is_simulated_is_a_symbol_of_the_newest_driver() -> None:
    assert known_symbols() <= exported_by(615)


def test_what_a_driver_exports_and_no_board_supports_is_not_supported(lab: World) -> None:
    assert code_of(lambda: pynvml.nvmlDeviceGetNvLinkState(gpu(), 0)) == pynvml.NVML_ERROR_NOT_SUPPORTED
    with pytest.raises(AttributeError):
        _ = lab.library.nvmlDeviceMakeCoffee


# -- protocol --------------------------------------------------------------------------------------


def test_lists_say_their_exact_size_first(lab: World) -> None:
    function = pynvml._nvmlGetFunctionPointer("nvmlDeviceGetSupportedMemoryClocks")
    count = ctypes.c_uint(0)
    assert function(gpu(), ctypes.byref(count), None) == pynvml.NVML_ERROR_INSUFFICIENT_SIZE
    assert count.value == 2
    short = (ctypes.c_uint * 1)()
    count = ctypes.c_uint(1)
    assert function(gpu(), ctypes.byref(count), short) == pynvml.NVML_ERROR_INSUFFICIENT_SIZE


def test_a_null_pointer_is_an_invalid_argument(lab: World) -> None:
    for symbol in ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetPersistenceMode"):
        assert pynvml._nvmlGetFunctionPointer(symbol)(gpu(), None) == 2
    assert pynvml._nvmlGetFunctionPointer("nvmlDeviceGetPowerUsage")(None, ctypes.byref(ctypes.c_uint())) == 2


def test_a_buffer_that_is_too_small_is_not_written_over(lab: World) -> None:
    buffer = ctypes.create_string_buffer(8)
    function = pynvml._nvmlGetFunctionPointer("nvmlDeviceGetUUID")
    assert function(gpu(), buffer, ctypes.c_uint(8)) == pynvml.NVML_ERROR_INSUFFICIENT_SIZE


def test_a_wrong_version_word_is_a_version_mismatch(lab: World) -> None:
    assert code_of(lambda: pynvml.nvmlDeviceGetMemoryInfo(gpu(), 0x01000028)) == 25
    value = pynvml.c_nvmlPowerValue_v2_t()
    value.version, value.powerValueMw = 0x01000008, 500_000
    function = pynvml._nvmlGetFunctionPointer("nvmlDeviceSetPowerManagementLimit_v2")
    assert function(gpu(), ctypes.byref(value)) == 25


def test_functions_take_attributes_as_ctypes_ones_do(lab: World) -> None:
    function = pynvml._nvmlGetFunctionPointer("nvmlDeviceGetName")
    function.restype = ctypes.c_int
    assert pynvml.nvmlDeviceGetName(gpu())


def test_a_handle_that_was_never_given_is_an_invalid_argument(lab: World) -> None:
    made_up = ctypes.cast(0x1234, pynvml.c_nvmlDevice_t)
    assert code_of(lambda: pynvml.nvmlDeviceGetPowerUsage(made_up)) == 2
    assert code_of(lambda: gpu(9)) == 2


def test_on_grace_a_handle_ends_with_persistence_mode(boot: Boot) -> None:
    boot(gpus="[{board: GB200}]")
    old = gpu()
    pynvml.nvmlDeviceSetPersistenceMode(old, 0)
    assert code_of(lambda: pynvml.nvmlDeviceGetPowerUsage(old)) == 2
    assert pynvml.nvmlDeviceGetPersistenceMode(gpu()) == 0


# -- events ----------------------------------------------------------------------------------------


def test_an_injected_xid_wakes_whoever_waits_for_it(lab: World) -> None:
    events = pynvml.nvmlEventSetCreate()
    pynvml.nvmlDeviceRegisterEvents(gpu(1), pynvml.nvmlEventTypeXidCriticalError, events)
    lab.set(1, {"xid_error": "79"})
    data = pynvml.nvmlEventSetWait(events, 1000)
    assert (data.eventType, data.eventData) == (pynvml.nvmlEventTypeXidCriticalError, 79)
    assert pynvml.nvmlDeviceGetIndex(data.device) == 1
    assert code_of(lambda: pynvml.nvmlEventSetWait(events, 1)) == pynvml.NVML_ERROR_TIMEOUT
    pynvml.nvmlEventSetFree(events)


def test_a_change_of_clock_is_an_event(lab: World) -> None:
    events = pynvml.nvmlEventSetCreate()
    pynvml.nvmlDeviceRegisterEvents(gpu(), pynvml.nvmlEventTypeClock, events)
    pynvml.nvmlDeviceSetGpuLockedClocks(gpu(), 1410, 1410)
    assert pynvml.nvmlEventSetWait(events, 1000).eventType == pynvml.nvmlEventTypeClock


# -- the plug --------------------------------------------------------------------------------------


def test_pynvml_is_given_back_as_it_was(tmp_path: Any) -> None:
    from tests.unit.simulator.worlds import a_world

    before = (pynvml.nvmlLib, dict(pynvml._nvmlGetFunctionPointer_cache), pynvml._nvmlLib_refcount)
    with a_world(tmp_path).plug():
        pynvml.nvmlInit()
    assert (pynvml.nvmlLib, dict(pynvml._nvmlGetFunctionPointer_cache), pynvml._nvmlLib_refcount) == before
