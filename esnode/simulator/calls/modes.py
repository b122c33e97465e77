"""Calls that read modes, error counters and processes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from esnode.simulator import marshal
from esnode.simulator.codes import Code, Refusal
from esnode.simulator.gpu import RunningProcess, SimulatedGpu
from esnode.simulator.marshal import require
from esnode.simulator.symbols import call

if TYPE_CHECKING:
    from esnode.simulator.library import Library

_ADDRESSING_V1: Final = 0x0100_0008
_NOT_AN_INSTANCE: Final = 0xFFFF_FFFF


@call("nvmlDeviceGetPersistenceMode")
def persistence(_library: Library, gpu: SimulatedGpu, mode: Any) -> None:
    marshal.put(mode, int(gpu.state.persistence))


@call("nvmlDeviceGetComputeMode")
def compute_mode(_library: Library, gpu: SimulatedGpu, mode: Any) -> None:
    marshal.put(mode, gpu.state.compute_mode)


@call("nvmlDeviceGetAccountingMode")
def accounting(_library: Library, gpu: SimulatedGpu, mode: Any) -> None:
    marshal.put(mode, int(gpu.state.accounting and not gpu.state.mig_current))


@call("nvmlDeviceGetAccountingBufferSize")
def accounting_buffer(_library: Library, _gpu: SimulatedGpu, size: Any) -> None:
    marshal.put(size, 4000)


@call("nvmlDeviceGetDisplayMode", deprecated_from=580)
@call("nvmlDeviceGetDisplayActive")
def display(_library: Library, _gpu: SimulatedGpu, mode: Any) -> None:
    marshal.put(mode, 0)


@call("nvmlDeviceGetEccMode")
def ecc(_library: Library, gpu: SimulatedGpu, current: Any, pending: Any) -> None:
    require(gpu.board.has_ecc)
    marshal.put(current, int(gpu.state.ecc_current))
    marshal.put(pending, int(gpu.state.ecc_pending))


@call("nvmlDeviceGetDefaultEccMode")
def default_ecc(_library: Library, gpu: SimulatedGpu, mode: Any) -> None:
    require(gpu.board.has_ecc)
    marshal.put(mode, 1)


@call("nvmlDeviceGetMigMode")
def mig(_library: Library, gpu: SimulatedGpu, current: Any, pending: Any) -> None:
    require(gpu.board.has_mig)
    marshal.put(current, int(gpu.state.mig_current))
    marshal.put(pending, int(gpu.state.mig_pending))


@call("nvmlDeviceIsMigDeviceHandle")
def is_mig_device(_library: Library, _gpu: SimulatedGpu, answer: Any) -> None:
    marshal.put(answer, 0)


@call("nvmlDeviceGetMaxMigDeviceCount")
def mig_device_count(_library: Library, gpu: SimulatedGpu, count: Any) -> None:
    marshal.put(count, 7 if gpu.board.has_mig else 0)


@call("nvmlDeviceGetMigDeviceHandleByIndex")
def mig_device(_library: Library, gpu: SimulatedGpu, _number: Any, _device: Any) -> None:
    """MIG mode can be on; instances are not simulated."""
    require(gpu.board.has_mig)
    raise Refusal(Code.NOT_FOUND)


@call("nvmlDeviceGetVirtualizationMode")
def virtualization(_library: Library, _gpu: SimulatedGpu, mode: Any) -> None:
    marshal.put(mode, 0)


@call("nvmlDeviceGetAddressingMode")
def addressing(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    marshal.check_version(info, _ADDRESSING_V1)
    marshal.fill(info, value=2 if gpu.board.is_grace else 1)


@call("nvmlDeviceGetNumaNodeId")
def numa_node(_library: Library, gpu: SimulatedGpu, node: Any) -> None:
    require(gpu.board.is_grace)
    marshal.put(node, 2 + gpu.index)


@call("nvmlDeviceGetTotalEccErrors")
def ecc_errors(_library: Library, gpu: SimulatedGpu, kind: Any, _counter: Any, count: Any) -> None:
    require(gpu.board.has_ecc and gpu.state.ecc_current)
    marshal.put(count, gpu.uncorrected_errors if marshal.number(kind) == 1 else 0)


@call("nvmlDeviceGetMemoryErrorCounter")
def memory_errors(_library: Library, gpu: SimulatedGpu, kind: Any, _counter: Any, location: Any, count: Any) -> None:
    require(gpu.board.has_ecc and gpu.state.ecc_current)
    is_dram = marshal.number(location) == 2
    marshal.put(count, gpu.uncorrected_errors if marshal.number(kind) == 1 and is_dram else 0)


@call("nvmlDeviceGetRemappedRows")
def remapped_rows(_library: Library, gpu: SimulatedGpu, *counters: Any) -> None:
    require(gpu.board.architecture_number >= 7 and gpu.board.has_ecc)
    for counter in counters:
        marshal.put(counter, 0)


@call("nvmlDeviceGetRetiredPages")
def retired_pages(_library: Library, gpu: SimulatedGpu, _cause: Any, count: Any, pages: Any) -> None:
    require(gpu.board.architecture_number < 7)
    marshal.put_list(count, pages, ())


@call("nvmlDeviceGetRetiredPagesPendingStatus")
def retired_pages_pending(_library: Library, gpu: SimulatedGpu, pending: Any) -> None:
    require(gpu.board.architecture_number < 7)
    marshal.put(pending, 0)


def _process_rows(processes: Iterable[RunningProcess]) -> list[dict[str, int]]:
    return [
        {
            "pid": process.pid,
            "usedGpuMemory": process.memory,
            "gpuInstanceId": _NOT_AN_INSTANCE,
            "computeInstanceId": _NOT_AN_INSTANCE,
        }
        for process in processes
    ]


@call("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2")
def compute_processes(_library: Library, gpu: SimulatedGpu, count: Any, items: Any) -> None:
    marshal.put_structures(count, items, _process_rows(process for process in gpu.processes if not process.is_graphics))


@call("nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2")
def graphics_processes(_library: Library, gpu: SimulatedGpu, count: Any, items: Any) -> None:
    marshal.put_structures(count, items, _process_rows(process for process in gpu.processes if process.is_graphics))


@call("nvmlDeviceGetMPSComputeRunningProcesses_v3", "nvmlDeviceGetMPSComputeRunningProcesses_v2")
def mps_processes(_library: Library, gpu: SimulatedGpu, count: Any, items: Any) -> None:
    """Clients of MPS are in the list of compute processes as well."""
    marshal.put_structures(count, items, _process_rows(process for process in gpu.processes if process.is_mps))


@call("nvmlDeviceGetProcessUtilization")
def process_utilization(library: Library, gpu: SimulatedGpu, samples: Any, count: Any, since: Any) -> None:
    """No sample newer than `since` is NOT_FOUND, which is normal. Time stamps are microseconds."""
    require(not gpu.state.mig_current)
    stamp = int(library.state().now() * 1_000_000)
    busy = [process for process in gpu.processes if process.sm_utilization]
    if not busy or stamp <= marshal.number(since):
        raise Refusal(Code.NOT_FOUND)
    share = gpu.memory_utilization // len(busy)
    rows = [
        {
            "pid": entry.pid,
            "timeStamp": stamp,
            "smUtil": entry.sm_utilization,
            "memUtil": share,
            "encUtil": 0,
            "decUtil": 0,
        }
        for entry in busy
    ]
    marshal.put_structures(count, samples, rows)
