"""The processes on a GPU, as drivers of several kinds list them."""

from __future__ import annotations

import ctypes
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from esnode.model.processes import GpuProcess, HostProcess, ProcessKind
from esnode.model.readings import Missing, MissingReason, Reading
from esnode.nvml.session import DriverSession
from esnode.records import replace
from esnode.sensors.processes import is_listed, list_processes, with_host
from esnode.simulator import World
from tests.orphans import orphan
from tests.unit.nvml.fake_driver import INSUFFICIENT_SIZE, NO_PERMISSION, NOT_FOUND, NOT_SUPPORTED, SUCCESS, FakeDriver
from tests.unit.simulator.worlds import a_world

COMPUTE, GRAPHICS, MPS = (f"nvmlDeviceGet{kind}RunningProcesses" for kind in ("Compute", "Graphics", "MPSCompute"))
UTILIZATION = "nvmlDeviceGetProcessUtilization"
MIB = 2**20
NO_INSTANCE = 0xFFFF_FFFF
NOT_AVAILABLE = 0xFFFF_FFFF_FFFF_FFFF

Row = tuple[int, ...]


def rows(*entries: Row) -> Callable[..., int]:
    """A list of processes: PID, bytes, and the ids of the MIG instances."""

    def answer(_driver: FakeDriver, _handle: Any, count: Any, array: Any) -> int:
        count._obj.value = len(entries)
        if array is None:
            return INSUFFICIENT_SIZE if entries else SUCCESS
        for place, entry in enumerate(entries):
            pid, memory, *ids = entry
            array[place].pid, array[place].usedGpuMemory = pid, memory
            array[place].gpuInstanceId, array[place].computeInstanceId = ids or (NO_INSTANCE, NO_INSTANCE)
        return SUCCESS

    return answer


def samples(*entries: Row, asked: list[int] | None = None) -> Callable[..., int]:
    """Samples of work: PID, microseconds, percent."""

    def answer(_driver: FakeDriver, _handle: Any, array: Any, count: Any, since: Any) -> int:
        if asked is not None and array is None:
            asked.append(since.value)
        newer = [entry for entry in entries if entry[1] > since.value]
        count._obj.value = len(newer)
        if array is None:
            return INSUFFICIENT_SIZE if newer else NOT_FOUND
        for place, (pid, stamp, percent) in enumerate(newer):
            array[place].pid, array[place].timeStamp, array[place].smUtil = pid, stamp, percent
        return SUCCESS

    return answer


def a_driver(functions: Mapping[str, Callable[..., int]], **fields: Any) -> FakeDriver:
    driver = FakeDriver(**fields)
    lists = {f"{name}_v3": rows() for name in (COMPUTE, GRAPHICS, MPS)}
    driver.functions = {**driver.functions, **lists, UTILIZATION: samples(), **functions}
    return driver


def read(driver: FakeDriver) -> Reading[tuple[GpuProcess, ...]]:
    with driver.plugged(), DriverSession() as session:
        return list_processes(session, driver.gpus[0].uuid)


def listed(driver: FakeDriver) -> tuple[GpuProcess, ...]:
    found = read(driver)
    assert not isinstance(found, Missing), found
    return found


def test_processes_come_by_memory_then_by_number_with_their_kinds_merged() -> None:
    driver = a_driver(
        {
            f"{COMPUTE}_v3": rows((12, 5 * MIB), (10, 5 * MIB), (11, 9 * MIB)),
            f"{GRAPHICS}_v3": rows((10, 5 * MIB), (13, 1 * MIB)),
            f"{MPS}_v3": rows((12, 5 * MIB)),
        }
    )
    assert [(process.pid, [str(kind) for kind in process.kinds]) for process in listed(driver)] == [
        (11, ["compute"]),
        (10, ["compute", "graphics"]),
        (12, ["compute", "mps"]),
        (13, ["graphics"]),
    ]


def test_memory_that_the_driver_does_not_tell_is_missing_and_last() -> None:
    driver = a_driver({f"{COMPUTE}_v3": rows((10, NOT_AVAILABLE), (11, 0))})
    none, unknown = listed(driver)
    assert (none.pid, none.memory_bytes) == (11, 0)
    assert isinstance(unknown.memory_bytes, Missing)


def test_a_size_in_one_list_is_enough() -> None:
    driver = a_driver({f"{COMPUTE}_v3": rows((10, NOT_AVAILABLE)), f"{GRAPHICS}_v3": rows((10, MIB))})
    assert listed(driver)[0].memory_bytes == MIB


def test_work_is_of_the_drivers_last_seconds() -> None:
    asked: list[int] = []
    work = samples((10, 100_000_000, 70), (11, 94_000_000, 99), (0, 100_000_000, 5), asked=asked)
    driver = a_driver({f"{COMPUTE}_v3": rows((10, 2), (11, 1), (12, 0)), UTILIZATION: work})
    assert [process.sm_utilization for process in listed(driver)] == [70.0, 0.0, 0.0]
    assert asked == [0, 95_000_000]


def test_a_damaged_sample_is_missing_for_its_process_alone() -> None:
    work = samples((10, 100, 3_000_000_000), (11, 100, 40))
    driver = a_driver({f"{COMPUTE}_v3": rows((10, 2), (11, 1)), UTILIZATION: work})
    damaged, sound = listed(driver)
    assert isinstance(damaged.sm_utilization, Missing)
    assert sound.sm_utilization == 40.0


def test_no_samples_at_all_are_a_missing_reading_not_zero() -> None:
    (process,) = listed(a_driver({f"{COMPUTE}_v3": rows((10, 1))}))
    assert isinstance(process.sm_utilization, Missing)
    assert "no samples" in process.sm_utilization.detail


def test_a_driver_without_the_call_for_work_lists_all_the_same() -> None:
    (process,) = listed(a_driver({f"{COMPUTE}_v3": rows((10, 1))}, absent={UTILIZATION}))
    assert isinstance(process.sm_utilization, Missing)
    assert process.sm_utilization.missing is MissingReason.UNSUPPORTED


def test_an_older_driver_is_asked_by_its_older_symbols() -> None:
    driver = a_driver({f"{COMPUTE}_v2": rows((10, MIB))}, absent={f"{name}_v3" for name in (COMPUTE, GRAPHICS, MPS)})
    (process,) = listed(driver)
    assert (process.pid, process.memory_bytes) == (10, MIB)


def test_a_driver_that_lists_no_compute_processes_is_missing() -> None:
    found = read(a_driver({}, absent={f"{COMPUTE}_v3"}))
    assert isinstance(found, Missing)
    assert found.missing is MissingReason.UNSUPPORTED


@pytest.mark.parametrize("name", [COMPUTE, GRAPHICS, MPS])
def test_half_a_list_is_none(name: str) -> None:
    found = read(a_driver({f"{COMPUTE}_v3": rows((10, 1))}, codes={f"{name}_v3": NO_PERMISSION}))
    assert isinstance(found, Missing)
    assert found.missing is MissingReason.NOT_PERMITTED


def test_a_gpu_that_is_not_there_is_missing() -> None:
    with a_driver({}).plugged(), DriverSession() as session:
        found = list_processes(session, "GPU-nobody")
    assert isinstance(found, Missing)
    assert found.missing is MissingReason.GPU_LOST


def test_an_idle_gpu_has_nobody() -> None:
    assert listed(a_driver({})) == ()


# -- MIG -------------------------------------------------------------------------------------------


def a_mig_driver(functions: Mapping[str, Callable[..., int]], **codes: int) -> FakeDriver:
    """Two MIG devices in seven places: handles 101 and 104 of GPU instances 1 and 4."""

    def handle_in(_driver: FakeDriver, _handle: Any, place: Any, out: Any) -> int:
        number = getattr(place, "value", place)
        if number not in (1, 4):
            return NOT_FOUND
        ctypes.cast(out, ctypes.POINTER(ctypes.c_void_p))[0] = 100 + number
        return SUCCESS

    def put(value: Callable[[int], int]) -> Callable[..., int]:
        def answer(_driver: FakeDriver, handle: Any, out: Any) -> int:
            out._obj.value = value(ctypes.cast(handle, ctypes.c_void_p).value or 0)
            return SUCCESS

        return answer

    def compute(driver: FakeDriver, handle: Any, count: Any, array: Any) -> int:
        number = ctypes.cast(handle, ctypes.c_void_p).value or 0
        found = {101: rows((10, 5 * MIB), (11, MIB)), 104: rows((12, 9 * MIB))}
        return found.get(number, rows((99, MIB, 4, 0)))(driver, handle, count, array)

    driver = a_driver(
        {
            "nvmlDeviceGetMaxMigDeviceCount": put(lambda _handle: 7),
            "nvmlDeviceGetMigDeviceHandleByIndex": handle_in,
            "nvmlDeviceGetGpuInstanceId": put(lambda handle: handle - 100),
            "nvmlDeviceGetComputeInstanceId": put(lambda _handle: 0),
            f"{COMPUTE}_v3": compute,
            **functions,
        },
        codes={UTILIZATION: NOT_SUPPORTED, **codes},
    )
    driver.gpus[0].mig = 1
    return driver


def test_with_mig_each_device_is_asked() -> None:
    found = listed(a_mig_driver({}))
    assert [(process.pid, process.mig) for process in found] == [(12, "4/0"), (10, "1/0"), (11, "1/0")]
    assert all(isinstance(process.sm_utilization, Missing) for process in found)


def test_without_handles_of_mig_devices_the_gpu_names_the_instances() -> None:
    found = listed(a_mig_driver({}, nvmlDeviceGetMigDeviceHandleByIndex=NOT_SUPPORTED))
    assert [(process.pid, process.mig) for process in found] == [(99, "4/0")]


def test_without_mig_an_instance_is_never_named() -> None:
    (process,) = listed(a_driver({f"{COMPUTE}_v3": rows((10, MIB, 0, 0))}))
    assert process.mig == ""


# -- the host --------------------------------------------------------------------------------------


def test_the_host_side_is_filled_in_where_numbers_are_the_hosts() -> None:
    with orphan() as (pid, _):
        found = listed(a_driver({f"{COMPUTE}_v3": rows((pid, MIB), (2**22 + 5, 1))}))
        sent = pickle.loads(pickle.dumps(found))
        real, unreal = with_host(sent, sees_host_pids=True)
        assert isinstance(real.host, HostProcess)
        assert real.host.pid == pid
        assert isinstance(unreal.host, Missing)
        assert replace(real, host=found[0].host) == found[0]


def test_nobody_is_looked_up_where_a_number_is_somebody_else() -> None:
    with orphan() as (pid, _):
        (process,) = with_host(listed(a_driver({f"{COMPUTE}_v3": rows((pid, 1))})), sees_host_pids=False)
    assert isinstance(process.host, Missing)
    assert "PID namespace" in process.host.detail


# -- a simulated machine ---------------------------------------------------------------------------


def on(world: World) -> tuple[GpuProcess, ...]:
    with world.plug(), DriverSession() as session:
        found = list_processes(session, world.gpus[0].uuid)
    assert not isinstance(found, Missing)
    return with_host(found, sees_host_pids=True)


@pytest.mark.parametrize("driver", [535, 550, 580, 615])
def test_a_real_process_on_a_simulated_gpu_is_seen_whole(tmp_path: Path, driver: int) -> None:
    with orphan() as (pid, _):
        listed_as = f"[{{pid: {pid}, memory_mib: 60000, sm_utilization: 80, type: mps}}, {{name: other}}]"
        world = a_world(tmp_path, driver=driver, gpus=f"[{{board: H100-SXM, processes: {listed_as}}}]")
        (process, other) = on(world)
        assert process.kinds == (ProcessKind.COMPUTE, ProcessKind.MPS)
        assert (process.memory_bytes, process.sm_utilization) == (60000 * MIB, 80.0)
        assert isinstance(process.host, HostProcess)
        assert isinstance(other.host, Missing)


def test_a_real_process_that_ended_is_off_the_list_at_once(tmp_path: Path) -> None:
    with orphan() as (pid, _):
        world = a_world(tmp_path, gpus=f"[{{board: H100-SXM, processes: [{{pid: {pid}}}]}}]")
        uuid = world.gpus[0].uuid
        with world.plug(), DriverSession() as session:
            assert is_listed(session, uuid, pid) is True
    with world.plug(), DriverSession() as session:
        assert is_listed(session, uuid, pid) is False
