"""The processes on a GPU: what the driver lists, and then, perhaps in another process, what the host knows of them.

Neither pynvml nor psutil is imported before it is needed: the driver is asked in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from esnode.errors import DriverCallFailed
from esnode.model.processes import GpuProcess, HostProcess, ProcessKind
from esnode.model.readings import NOT_READ, Missing, MissingReason, Reading
from esnode.records import replace

if TYPE_CHECKING:
    from esnode.nvml.device import Device
    from esnode.nvml.processes import ListedProcess
    from esnode.nvml.session import DriverSession

_ANOTHER_NAMESPACE = "esnode runs in a PID namespace of its own"


def list_processes(session: DriverSession, uuid: str) -> Reading[tuple[GpuProcess, ...]]:
    """What has the GPU of this UUID open: by memory, the most first, then by number; `host` is not read yet.

    One entry for each process and MIG instance, however many of the driver's lists it is in. The SM utilization is
    of the driver's last 5 s of samples (nvmlDeviceGetProcessUtilization). Never raises a driver error: a list that
    is not complete is missing.
    """
    from esnode.nvml.failures import DRIVER_ERRORS, as_missing
    from esnode.nvml.processes import listed_processes

    try:
        device = session.device(uuid)
        listed = listed_processes(device)
    except DRIVER_ERRORS as problem:
        return as_missing(problem)
    utilization = _utilization(device) if listed else NOT_READ
    groups: dict[tuple[int, str], list[ListedProcess]] = {}
    for entry in listed:
        groups.setdefault((entry.pid, entry.mig), []).append(entry)
    return tuple(sorted((_merged(entries, utilization) for entries in groups.values()), key=_by_memory))


def with_host(
    processes: Iterable[GpuProcess],
    *,
    sees_host_pids: bool,
) -> tuple[GpuProcess, ...]:
    """The same processes with what this host knows of each, or why it cannot know.

    `sees_host_pids` says that the driver's numbers are this process's (`esnode.host.processes.sees_host_pids`; on a
    simulated machine they always are). Where they are not, nobody is looked up: it would be somebody else.
    """
    return tuple(replace(process, host=_look_up(process.pid, sees_host_pids)) for process in processes)


def sees_host_pids() -> bool:
    """Whether the driver's numbers are those of this process's PID namespace (see esnode.host.processes)."""
    from esnode.host.processes import sees_host_pids as sees

    return sees()


def is_listed(session: DriverSession, uuid: str, pid: int) -> Reading[bool]:
    """Whether the driver lists the process on the GPU now."""
    processes = list_processes(session, uuid)
    return processes if isinstance(processes, Missing) else any(process.pid == pid for process in processes)


def _look_up(pid: int, sees_host_pids: bool) -> HostProcess | Missing:
    if not sees_host_pids:
        return Missing(missing=MissingReason.NOT_PERMITTED, detail=_ANOTHER_NAMESPACE)
    from esnode.host.processes import describe

    return describe(pid)


def _utilization(device: Device) -> Reading[Mapping[int, Reading[int]]]:
    from esnode.nvml.failures import DRIVER_ERRORS, as_missing
    from esnode.nvml.processes import is_without_samples, sm_utilization

    try:
        return sm_utilization(device)
    except DRIVER_ERRORS as problem:
        if isinstance(problem, DriverCallFailed) and is_without_samples(problem):
            return Missing(missing=MissingReason.NOT_READ, detail="the driver has no samples of SM utilization")
        return as_missing(problem)


def _merged(entries: list[ListedProcess], utilization: Reading[Mapping[int, Reading[int]]]) -> GpuProcess:
    """One process of several lists. Each list gives all of its memory, so the largest is the one."""
    pid, mig = entries[0].pid, entries[0].mig
    sizes = [entry.memory_bytes for entry in entries]
    known = [size for size in sizes if not isinstance(size, Missing)]
    return GpuProcess(
        pid=pid,
        kinds=tuple(kind for kind in ProcessKind if any(entry.kind is kind for entry in entries)),
        memory_bytes=max(known) if known else sizes[0],
        sm_utilization=utilization if isinstance(utilization, Missing) else _share_of(pid, utilization),
        host=NOT_READ,
        mig=mig,
    )


def _share_of(pid: int, utilization: Mapping[int, Reading[int]]) -> Reading[float]:
    share = utilization.get(pid, 0)
    return share if isinstance(share, Missing) else float(share)


def _by_memory(process: GpuProcess) -> tuple[int, int, str]:
    memory = process.memory_bytes
    return (1 if isinstance(memory, Missing) else -memory, process.pid, process.mig)
