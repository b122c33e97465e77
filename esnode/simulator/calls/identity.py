"""Calls that say what a GPU is and where it sits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from esnode.simulator import marshal
from esnode.simulator.codes import Code, Refusal
from esnode.simulator.gpu import SimulatedGpu
from esnode.simulator.marshal import require
from esnode.simulator.symbols import call

if TYPE_CHECKING:
    from esnode.simulator.library import Library

_PCIE_CODES: Final = {3: 8000, 4: 16000, 5: 32000, 6: 64000}


@call("nvmlDeviceGetName")
def name(_library: Library, gpu: SimulatedGpu, buffer: Any, size: Any) -> None:
    marshal.put_text(buffer, size, gpu.board.nvml_name)


@call("nvmlDeviceGetUUID")
def uuid(_library: Library, gpu: SimulatedGpu, buffer: Any, size: Any) -> None:
    marshal.put_text(buffer, size, gpu.uuid)


@call("nvmlDeviceGetSerial")
def serial(_library: Library, gpu: SimulatedGpu, buffer: Any, size: Any) -> None:
    require(gpu.board.has_ecc)  # GeForce boards do not tell
    marshal.put_text(buffer, size, gpu.spec.serial)


@call("nvmlDeviceGetIndex", "nvmlDeviceGetMinorNumber", answers_when_lost=True)
def index(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.index)


@call("nvmlDeviceGetModuleId")
def module_id(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.index + 1)


@call("nvmlDeviceGetBrand")
def brand(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.board.brand)


@call("nvmlDeviceGetArchitecture")
def architecture(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.board.architecture_number)


@call("nvmlDeviceGetCudaComputeCapability")
def compute_capability(_library: Library, gpu: SimulatedGpu, major: Any, minor: Any) -> None:
    for out, value in zip((major, minor), gpu.board.compute_capability, strict=True):
        marshal.put(out, value)


@call("nvmlDeviceGetNumGpuCores")
def cores(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.board.cuda_cores)


@call("nvmlDeviceGetVbiosVersion")
def vbios(_library: Library, gpu: SimulatedGpu, buffer: Any, size: Any) -> None:
    marshal.put_text(buffer, size, f"9{gpu.board.architecture_number}.00.99.00.01")


@call("nvmlDeviceGetBoardPartNumber")
def part_number(_library: Library, gpu: SimulatedGpu, buffer: Any, size: Any) -> None:
    require(gpu.board.has_ecc)
    marshal.put_text(buffer, size, f"900-2G{gpu.board.pci_device_id >> 20:03X}-0000-000")


@call("nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", answers_when_lost=True)
def pci_info(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    domain, bus, rest = gpu.spec.bus_id.split(":")
    marshal.fill(
        info,
        busId=gpu.spec.bus_id.encode(),
        busIdLegacy=f"{domain[-4:]}:{bus}:{rest}".encode(),
        domain=int(domain, 16),
        bus=int(bus, 16),
        device=int(rest.partition(".")[0], 16),
        pciDeviceId=gpu.board.pci_device_id,
        pciSubSystemId=0,
    )


@call("nvmlDeviceGetCurrPcieLinkGeneration", "nvmlDeviceGetMaxPcieLinkGeneration")
@call("nvmlDeviceGetGpuMaxPcieLinkGeneration")
def pcie_generation(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, gpu.board.pcie_generation)


@call("nvmlDeviceGetCurrPcieLinkWidth", "nvmlDeviceGetMaxPcieLinkWidth")
def pcie_width(_library: Library, _gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, 16)


@call("nvmlDeviceGetPcieSpeed")
def pcie_speed(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, _PCIE_CODES[gpu.board.pcie_generation])


@call("nvmlDeviceGetPcieThroughput")
def pcie_throughput(_library: Library, gpu: SimulatedGpu, counter: Any, kilobytes: Any) -> None:
    """KB/s: some hundred when idle, and work brings its data along. The real call takes 20 ms; this one does not."""
    if marshal.number(counter) not in (0, 1):
        raise Refusal(Code.INVALID_ARGUMENT)
    marshal.put(kilobytes, 500 + 40_000 * gpu.utilization)


@call("nvmlDeviceGetPcieReplayCounter")
def pcie_replays(_library: Library, _gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, 0)


@call("nvmlDeviceGetMultiGpuBoard")
def multi_gpu_board(_library: Library, _gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, 0)


@call("nvmlDeviceGetBoardId")
def board_id(_library: Library, gpu: SimulatedGpu, number: Any) -> None:
    marshal.put(number, int(gpu.spec.bus_id.split(":")[1], 16) << 8)
