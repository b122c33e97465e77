"""Processes that have a GPU open: what the driver lists and what the host knows of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from esnode.model.readings import Missing, Reading
from esnode.records import dataclass


class ProcessKind(StrEnum):
    """What a process has the GPU open for."""

    COMPUTE = "compute"
    GRAPHICS = "graphics"
    MPS = "mps"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostProcess:
    """One process of this host. `started` (seconds since boot, exact) and `pid` identify it for as long as it lives.

    `is_own` says that it is esnode itself or one of its ancestors. `command` is shortened, with what looks like a
    secret masked.
    """

    pid: int
    started: float
    started_at: datetime
    name: str
    user: str
    command: str
    is_kernel_thread: bool = False
    is_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuProcess:
    """One process on one GPU. `memory_bytes` is what it has allocated there, `sm_utilization` its share in percent.

    `host` is missing where this process cannot see it: it is gone, or its number is that of another PID namespace.
    `mig` names the MIG instance it runs on, "" on a whole GPU.
    """

    pid: int
    kinds: tuple[ProcessKind, ...]
    memory_bytes: Reading[int]
    sm_utilization: Reading[float]
    host: HostProcess | Missing
    mig: str = ""
