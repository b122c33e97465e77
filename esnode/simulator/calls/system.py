"""Calls about the library and the machine: init and shutdown, versions, counting and finding GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esnode.simulator import marshal
from esnode.simulator.codes import Code, Refusal
from esnode.simulator.gpu import SimulatedGpu
from esnode.simulator.symbols import Kind, call

if TYPE_CHECKING:
    from esnode.simulator.library import Library


@call("nvmlInitWithFlags", "nvmlInit_v2", kind=Kind.ANYTIME)
def init(library: Library, *_flags: Any) -> None:
    library.begin()


@call("nvmlShutdown", kind=Kind.ANYTIME)
def shutdown(library: Library) -> None:
    library.end()


@call("nvmlErrorString", kind=Kind.ANYTIME)
def error_string(_library: Library, _code: Any) -> None:
    """Answered by the library itself: it returns a text, not a code."""


@call("nvmlSystemGetNVMLVersion", kind=Kind.ANYTIME)
def nvml_version(library: Library, buffer: Any, size: Any) -> None:
    machine = library.state().machine
    marshal.put_text(buffer, size, f"{machine.cuda // 1000}.{machine.driver}")


@call("nvmlSystemGetDriverVersion", kind=Kind.SYSTEM)
def driver_version(library: Library, buffer: Any, size: Any) -> None:
    marshal.put_text(buffer, size, library.state().machine.driver)


@call("nvmlSystemGetCudaDriverVersion", "nvmlSystemGetCudaDriverVersion_v2", kind=Kind.SYSTEM)
def cuda_version(library: Library, version: Any) -> None:
    marshal.put(version, library.state().machine.cuda)


@call("nvmlSystemGetDriverBranch", kind=Kind.SYSTEM)
def driver_branch(library: Library, info: Any, _length: Any) -> None:
    marshal.check_version(info, 0x01000054)
    marshal.fill(info, branch=f"r{library.branch}_00".encode())


@call("nvmlSystemGetProcessName", kind=Kind.SYSTEM)
def process_name(library: Library, pid: Any, buffer: Any, size: Any) -> None:
    wanted = marshal.number(pid)
    for index in range(len(library.state().machine.gpus)):
        for process in library.gpu(index).listed_processes:
            if process.pid == wanted:
                return marshal.put_text(buffer, size, process.name)
    raise Refusal(Code.NOT_FOUND)


@call("nvmlSystemGetHicVersion", kind=Kind.SYSTEM)
def hic_version(_library: Library, count: Any, items: Any) -> None:
    marshal.put_list(count, items, ())


@call("nvmlSystemGetConfComputeState", kind=Kind.SYSTEM)
def confidential_compute(_library: Library, state: Any) -> None:
    marshal.fill(state, environment=0, ccFeature=0, devToolsMode=0)


@call("nvmlUnitGetCount", kind=Kind.SYSTEM)
def unit_count(_library: Library, count: Any) -> None:
    marshal.put(count, 0)


@call("nvmlGetExcludedDeviceCount", kind=Kind.SYSTEM)
def excluded_count(_library: Library, count: Any) -> None:
    marshal.put(count, 0)


@call("nvmlDeviceGetCount_v2", "nvmlDeviceGetCount", kind=Kind.SYSTEM)
def count_gpus(library: Library, count: Any) -> None:
    """A lost GPU counts, too."""
    marshal.put(count, len(library.state().machine.gpus))


@call("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex", kind=Kind.SYSTEM)
def by_index(library: Library, index: Any, handle: Any) -> None:
    number = marshal.number(index)
    if handle is None or not 0 <= number < len(library.state().machine.gpus):
        raise Refusal(Code.INVALID_ARGUMENT)
    _give(library, library.gpu(number), handle)


@call("nvmlDeviceGetHandleByUUID", kind=Kind.SYSTEM)
def by_uuid(library: Library, uuid: Any, handle: Any) -> None:
    _find(library, handle, "uuid", marshal.text(uuid))


@call("nvmlDeviceGetHandleByUUIDV", kind=Kind.SYSTEM)
def by_uuid_v(library: Library, uuid: Any, handle: Any) -> None:
    asked = marshal.check_version(uuid, 0x01000034)
    if asked.type != 1:  # NVML_UUID_TYPE_ASCII; the binary form is not simulated
        raise Refusal(Code.NOT_SUPPORTED)
    _find(library, handle, "uuid", asked.value.str.decode())


@call("nvmlDeviceGetHandleBySerial", kind=Kind.SYSTEM)
def by_serial(library: Library, serial: Any, handle: Any) -> None:
    _find(library, handle, "serial", marshal.text(serial))


@call("nvmlDeviceGetHandleByPciBusId_v2", "nvmlDeviceGetHandleByPciBusId", kind=Kind.SYSTEM)
def by_bus_id(library: Library, bus_id: Any, handle: Any) -> None:
    """With a domain of four digits or eight, or without one."""
    asked = marshal.text(bus_id).upper()
    domain, _, rest = asked.rpartition(":")[0].rpartition(":")
    full = f"{int(domain or '0', 16):08X}:{rest}:{asked.rpartition(':')[2]}" if rest else asked
    _find(library, handle, "bus_id", full)


def _find(library: Library, handle: Any, member: str, wanted: str) -> None:
    """nvml.h: these look-ups fail when *any* GPU is lost, for the driver asks one after the other."""
    gpus = [library.gpu(index) for index in range(len(library.state().machine.gpus))]
    if any(gpu.is_lost for gpu in gpus):
        raise Refusal(Code.GPU_IS_LOST)
    found = next((gpu for gpu in gpus if getattr(gpu.spec, member).upper() == wanted.upper()), None)
    if found is None:
        raise Refusal(Code.NOT_FOUND)
    _give(library, found, handle)


def _give(library: Library, gpu: SimulatedGpu, handle: Any) -> None:
    if gpu.is_lost:
        raise Refusal(Code.GPU_IS_LOST)
    marshal.put_handle(handle, library.handle(gpu))
