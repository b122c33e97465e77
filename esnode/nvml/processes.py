"""The processes that have a GPU open, as the driver lists them: read-only, in bytes and percent.

Every function raises esnode's driver errors. The versioned symbols are asked by name: pynvml's wrappers without a
version raise, on a driver without them, something that is no NVMLError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from esnode.errors import DriverCallFailed, NotPermitted, NotSupported
from esnode.model.processes import ProcessKind
from esnode.model.readings import Missing, MissingReason, Reading
from esnode.nvml.device import Device
from esnode.nvml.failures import Code
from esnode.nvml.library import invoke, invoke_for_number
from esnode.nvml.lists import RunningProcess, invoke_for_list
from esnode.records import dataclass

_LISTS: Final[Mapping[ProcessKind, str]] = {
    ProcessKind.COMPUTE: "nvmlDeviceGetComputeRunningProcesses",
    ProcessKind.GRAPHICS: "nvmlDeviceGetGraphicsRunningProcesses",
    ProcessKind.MPS: "nvmlDeviceGetMPSComputeRunningProcesses",
}
_VERSIONS: Final = ("_v3", "_v2")  # of one layout in memory; 510 is the first driver with _v3
_UTILIZATION: Final = "nvmlDeviceGetProcessUtilization"
_NOT_AN_INSTANCE: Final = 0xFFFF_FFFF  # nvml.h: "if MIG is enabled ... otherwise 0xFFFFFFFF"
_NO_SIZE: Final = (None, 0xFFFF_FFFF_FFFF_FFFF)  # NVML_VALUE_NOT_AVAILABLE, and what pynvml makes of it
_UNKNOWN_SIZE: Final = Missing(
    missing=MissingReason.UNSUPPORTED, detail="the driver does not say how much memory the process uses"
)
_DAMAGED: Final = Missing(missing=MissingReason.NOT_READ, detail=f"{_UTILIZATION}: a damaged sample")
_RECENT_MICROSECONDS: Final = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProcess:
    """One entry of one of the driver's lists. `mig` is "GPU instance/compute instance", "" on a whole GPU."""

    pid: int
    kind: ProcessKind
    memory_bytes: Reading[int]
    mig: str = ""


def listed_processes(device: Device) -> tuple[ListedProcess, ...]:
    """Every entry of every list, on MIG by instance as far as the driver goes into that.

    A driver that cannot list graphics or MPS processes has none of them; one that cannot list compute processes is
    NotSupported. Any other failure of any list is raised: half a list cannot say who uses the most.
    """
    is_mig = _is_mig(device)
    if is_mig:
        try:
            instances = _mig_devices(device)
            if instances:
                return tuple(entry for handle, mig in instances for entry in _listed(device, handle, mig=mig))
        except (NotSupported, NotPermitted):
            # nvml.h: a host of vGPUs does not list by instance. The GPU as a whole then names them, to who may see.
            pass
    return tuple(_listed(device, device.handle, is_parent=is_mig))


def sm_utilization(device: Device) -> Mapping[int, Reading[int]]:
    """Percent of the SMs by process, over the driver's last 5 s; who is not in it used none, nvml.h says.

    Samples have the driver's own clock, so the 5 s are counted back from its newest sample. The first question, for
    all samples there are, gives averages over the driver's whole buffer and is asked for that time only. A damaged
    sample (more than 100 %, some drivers have such) is missing. Raises NotSupported on MIG and, when
    there are no samples at all, an error that `is_without_samples` knows.
    """
    newest = max((int(sample.timeStamp) for sample in _samples(device, 0)), default=0)
    recent = _samples(device, max(0, newest - _RECENT_MICROSECONDS))
    return {int(sample.pid): _share(int(sample.smUtil)) for sample in recent if sample.pid}


def _share(percent: int) -> Reading[int]:
    return percent if percent <= 100 else _DAMAGED


def is_without_samples(problem: DriverCallFailed) -> bool:
    """The driver has sampled no work of late: its normal answer on an idle GPU."""
    return problem.call == _UTILIZATION and problem.code == Code.NOT_FOUND


def _samples(device: Device, since: int) -> list[Any]:
    return list(invoke(_UTILIZATION, device.handle, since, about=device.uuid))


def _listed(device: Device, handle: Any, *, mig: str = "", is_parent: bool = False) -> Iterator[ListedProcess]:
    """The lists of a GPU or a MIG device; `is_parent` where a GPU lists those of its MIG devices."""
    for kind, symbol in _LISTS.items():
        try:
            entries = _ask(device, symbol, handle)
        except NotSupported:
            if kind is ProcessKind.COMPUTE:
                raise
            continue
        for entry in entries:
            instance = _instance(entry) if is_parent else mig
            yield ListedProcess(pid=entry.pid, kind=kind, memory_bytes=_size(entry), mig=instance)


def _ask(device: Device, symbol: str, handle: Any) -> list[Any]:
    for version in _VERSIONS[:-1]:
        try:
            return invoke_for_list(symbol + version, handle, of=RunningProcess, about=device.uuid)
        except NotSupported:
            continue
    return invoke_for_list(symbol + _VERSIONS[-1], handle, of=RunningProcess, about=device.uuid)


def _size(entry: Any) -> Reading[int]:
    return _UNKNOWN_SIZE if entry.usedGpuMemory in _NO_SIZE else int(entry.usedGpuMemory)


def _instance(entry: Any) -> str:
    ids = (entry.gpuInstanceId, entry.computeInstanceId)
    return "" if _NOT_AN_INSTANCE in ids else "/".join(map(str, ids))


def _is_mig(device: Device) -> bool:
    try:
        return device.mig_mode() == "enabled"
    except NotSupported:
        return False


def _mig_devices(device: Device) -> list[tuple[Any, str]]:
    """Handles and names of the MIG devices that there are."""
    count = invoke_for_number("nvmlDeviceGetMaxMigDeviceCount", device.handle, about=device.uuid)
    return [found for index in range(count) for found in _mig_device(device, index)]


def _mig_device(device: Device, index: int) -> Iterator[tuple[Any, str]]:
    """The MIG device in one place of the GPU; most places can be empty, which is NOT_FOUND."""
    try:
        handle = invoke("nvmlDeviceGetMigDeviceHandleByIndex", device.handle, index, about=device.uuid)
    except DriverCallFailed as problem:
        if problem.code == Code.NOT_FOUND:
            return
        raise
    instance = invoke_for_number("nvmlDeviceGetGpuInstanceId", handle, about=device.uuid)
    compute = invoke_for_number("nvmlDeviceGetComputeInstanceId", handle, about=device.uuid)
    yield handle, f"{instance}/{compute}"
