"""The session: no driver, versions, enumeration, and the GPU that a UUID leads to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pynvml
import pytest

from esnode.errors import DriverCallFailed, DriverUnavailable, GpuLost, NotPermitted
from esnode.model.hardware import UnidentifiedGpu
from esnode.model.readings import Missing, MissingReason
from esnode.nvml.device import Device
from esnode.nvml.failures import as_missing, failure
from esnode.nvml.library import invoke
from esnode.nvml.session import DriverSession
from tests.unit.nvml.fake_driver import (
    DRIVER_NOT_LOADED,
    FUNCTION_NOT_FOUND,
    GPU_IS_LOST,
    NO_PERMISSION,
    UNKNOWN,
    FakeDriver,
    FakeGpu,
)


def three_gpus() -> FakeDriver:
    return FakeDriver([FakeGpu(uuid=f"GPU-{letter}") for letter in "abc"])


@pytest.mark.parametrize("code", [DRIVER_NOT_LOADED, FUNCTION_NOT_FOUND, 12])
def test_a_machine_without_a_driver_is_told_the_ways_to_go_on(code: int) -> None:
    with (
        FakeDriver(codes={"nvmlInitWithFlags": code}).plugged(),
        pytest.raises(DriverUnavailable) as caught,
        DriverSession(),
    ):
        pass
    assert caught.value.summary.startswith("There is no NVIDIA driver here")
    for way in ("Install NVIDIA's driver", "-capture FILE", "nvidia-smi -q -x", "-simulate WORLD"):
        assert way in caught.value.next_step


def test_a_machine_without_the_library_has_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(_name: str) -> None:
        raise OSError("cannot open shared object file")

    monkeypatch.setattr(pynvml, "CDLL", no_library)
    with FakeDriver().plugged():
        pynvml.nvmlLib = None
        with pytest.raises(DriverUnavailable, match=r"libnvidia-ml\.so\.1 was not found"), DriverSession():
            pass


def test_a_driver_updated_without_a_reload_says_so() -> None:
    driver = FakeDriver(codes={"nvmlInitWithFlags": 18})
    with driver.plugged(), pytest.raises(DriverUnavailable, match="different versions") as caught, DriverSession():
        pass
    assert caught.value.next_step.startswith("Reboot")


def test_versions_are_readings() -> None:
    driver = FakeDriver(codes={"nvmlSystemGetNVMLVersion": NO_PERMISSION})
    with driver.plugged(), DriverSession() as session:
        assert session.driver_version() == "580.105.08"
        assert session.cuda_version() == "13.2"
        assert session.nvml_version() == Missing(
            missing=MissingReason.NOT_PERMITTED, detail="nvmlSystemGetNVMLVersion: insufficient permissions"
        )


def test_a_session_ends_what_it_began_and_a_failed_goodbye_is_no_error() -> None:
    driver = FakeDriver(codes={"nvmlShutdown": UNKNOWN})
    with driver.plugged(), DriverSession():
        pass
    assert [call[0] for call in driver.calls] == ["nvmlInitWithFlags", "nvmlShutdown"]


def test_one_lost_gpu_stops_no_other() -> None:
    driver = three_gpus()
    driver.lose(1)
    with driver.plugged(), DriverSession() as session:
        first, lost, third = session.devices()
    assert isinstance(first, Device)
    assert isinstance(lost, UnidentifiedGpu)
    assert isinstance(third, Device)
    assert (first.uuid, lost.index, third.uuid) == ("GPU-a", 1, "GPU-c")
    assert lost.failure.missing is MissingReason.GPU_LOST


def test_a_gpu_that_keeps_its_uuid_to_itself_is_unidentified() -> None:
    driver = three_gpus()
    driver.codes["nvmlDeviceGetUUID", 2] = NO_PERMISSION
    with driver.plugged(), DriverSession() as session:
        last = session.devices()[2]
    assert isinstance(last, UnidentifiedGpu)
    assert last.failure.missing is MissingReason.NOT_PERMITTED


def test_a_uuid_leads_to_its_gpu() -> None:
    with three_gpus().plugged(), DriverSession() as session:
        device = session.device("GPU-c")
    assert (device.uuid, device.index) == ("GPU-c", 2)


def test_a_uuid_that_nobody_has_is_a_lost_gpu() -> None:
    with three_gpus().plugged(), DriverSession() as session, pytest.raises(GpuLost, match="GPU-gone is not"):
        session.device("GPU-gone")


def test_a_handle_that_turns_out_to_be_another_gpus_is_never_used() -> None:
    driver = three_gpus()

    def recounted(_driver: FakeDriver, _handle: Any, buffer: Any, _size: Any) -> int:
        buffer.value = b"GPU-b"
        return 0

    driver.functions["nvmlDeviceGetUUID"] = recounted
    with driver.plugged(), DriverSession() as session, pytest.raises(GpuLost, match="GPU-a"):
        session.device("GPU-a")


def test_a_gpu_is_found_although_another_one_is_lost() -> None:
    driver = three_gpus()
    driver.lose(0)
    driver.codes["nvmlDeviceGetHandleByUUID"] = GPU_IS_LOST
    with driver.plugged(), DriverSession() as session:
        assert session.device("GPU-b").index == 1
        with pytest.raises(GpuLost):
            session.device("GPU-a")


def test_a_missing_right_names_the_way_to_get_it() -> None:
    problem = failure(NO_PERMISSION, call="nvmlDeviceSetPersistenceMode", about="GPU-a")
    assert isinstance(problem, NotPermitted)
    assert "sudo" in problem.next_step
    assert "CAP_SYS_ADMIN" in problem.next_step


def test_an_unknown_code_keeps_its_number() -> None:
    problem = failure(4242, call="nvmlDeviceGetName")
    assert isinstance(problem, DriverCallFailed)
    assert problem.code == 4242
    assert as_missing(problem).detail == "nvmlDeviceGetName: NVML error 4242"


def test_a_function_that_pynvml_lacks_is_not_supported() -> None:
    with FakeDriver().plugged():
        assert as_missing(_caught(lambda: invoke("nvmlDeviceGetTomorrow"))).missing is MissingReason.UNSUPPORTED


def test_pynvmls_own_errors_never_get_out_not_even_as_a_context() -> None:
    driver = FakeDriver(absent={"nvmlDeviceGetComputeRunningProcesses_v3"})
    with driver.plugged(), DriverSession() as session:
        device = session.device(driver.gpus[0].uuid)
        problem = _caught(device.process_count)
    assert problem.__context__ is None
    assert as_missing(problem).missing is MissingReason.UNSUPPORTED


def _caught(action: Callable[[], object]) -> DriverCallFailed:
    with pytest.raises(DriverCallFailed) as caught:
        action()
    return caught.value


def test_what_a_product_is_is_asked_for_once_and_how_it_is_each_time() -> None:
    driver = three_gpus()
    with driver.plugged(), DriverSession() as session:
        first = [session.device("GPU-b").graphics_clocks_mhz() for _ in range(2)]
        del driver.calls[:]
        assert session.device("GPU-b").graphics_clocks_mhz() == first[0] == first[1]
        assert session.device("GPU-b").temperature_celsius() == 71
        asked = {call[0] for call in driver.calls}
    assert "nvmlDeviceGetTemperatureV" in asked
    assert "nvmlDeviceGetSupportedGraphicsClocks" not in asked


def test_what_a_driver_did_not_tell_of_a_product_is_asked_for_again() -> None:
    driver = FakeDriver(codes={"nvmlDeviceGetName": UNKNOWN})
    with driver.plugged(), DriverSession() as session:
        device = session.device("GPU-00000000-aaaa")
        with pytest.raises(DriverCallFailed):
            device.name()
        driver.codes.clear()
        assert session.device(device.uuid).name() == "NVIDIA H100 80GB HBM3"
