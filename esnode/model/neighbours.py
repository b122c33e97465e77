"""Who else is there: processes on the GPUs, the cluster around the machine. Read for one run, never stored."""

from __future__ import annotations

from collections.abc import Mapping

from esnode.model.cluster import ClusterNode
from esnode.model.processes import GpuProcess
from esnode.model.readings import NOT_READ, Reading
from esnode.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """`processes` is keyed by the GPU's UUID; a GPU that is not in it was not asked."""

    processes: Mapping[str, Reading[tuple[GpuProcess, ...]]] = field(default_factory=dict)
    cluster: Reading[ClusterNode] = NOT_READ

    def on(self, uuid: str) -> Reading[tuple[GpuProcess, ...]]:
        return self.processes.get(uuid, NOT_READ)


NOBODY = Neighbours()
