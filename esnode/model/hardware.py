"""What the sensors saw: GPUs, the node they are in, and when."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from esnode.model.moments import Moment as Moment
from esnode.model.moments import Session as Session
from esnode.model.readings import NOT_READ, Missing, MissingReason, Reading
from esnode.model.serving import ServingEndpoint
from esnode.model.settings import ReadableValue
from esnode.records import dataclass, field


class Origin(StrEnum):
    """Where an observation comes from."""

    HARDWARE = "hardware"
    SIMULATED = "simulated"
    CAPTURE = "capture"


class MachineIdKind(StrEnum):
    """Ids of different kinds are never compared."""

    NODE_FILE = "node_file"
    MACHINE_ID = "machine_id"
    DMI = "dmi_product_uuid"
    CONTAINER = "container_machine_id"
    SIMULATED = "simulated"
    CAPTURE = "capture"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeIdentity:
    """Which machine this is."""

    machine_id: str
    machine_id_kind: MachineIdKind
    hostname: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One machine: who it is, its driver, and the tags and labels that people or its orchestrator gave it.

    `labels_failure` says why a source of labels could not be asked: a label that is not there may be missing then.
    """

    identity: NodeIdentity
    boot_id: str
    driver_version: Reading[str]
    cuda_version: Reading[str]
    nvml_version: Reading[str] = NOT_READ
    tags: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    labels_failure: Missing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuIdentity:
    """`uuid` is the key everywhere. `index`, `name` and `model` are for people: they may change with a boot.

    `model` is the family token: "H100" for "NVIDIA H100 80GB HBM3".
    """

    uuid: str
    index: int
    name: str
    model: str
    pci_bus_id: str

    @property
    def label(self) -> str:
        return f"GPU-{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the board can do. Watts; clocks in MHz, ascending."""

    power_min_watts: Reading[float] = NOT_READ
    power_default_watts: Reading[float] = NOT_READ
    power_max_watts: Reading[float] = NOT_READ
    power_enforced_watts: Reading[float] = NOT_READ
    graphics_clocks_mhz: Reading[tuple[int, ...]] = NOT_READ
    memory_clocks_mhz: Reading[tuple[int, ...]] = NOT_READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """What clock locks are judged by, beside the metrics. MHz; `performance_state` is 0 (P0, the highest) to 15.

    `idle_sm_mhz` and `idle_memory_mhz` are where this GPU rests when it is idle and esnode locks nothing:
    learned from earlier observations, because boards differ (345 MHz on an H100, 2040 on an L40S).
    """

    performance_state: Reading[int] = NOT_READ
    memory_mhz: Reading[int] = NOT_READ
    idle_sm_mhz: Reading[int] = NOT_READ
    idle_memory_mhz: Reading[int] = NOT_READ


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedGpu:
    """One GPU at one moment. `failure` is set when the GPU as a whole could not be read.

    `metrics` is keyed by METRICS, `settings` by SETTINGS; each key of the tables is present.
    `tags` are the hardware facts that selectors match; `energy_joules` counts since driver load.
    """

    identity: GpuIdentity
    session: Session
    tags: Mapping[str, Reading[str]]
    limits: Limits = Limits()
    settings: Mapping[str, Reading[ReadableValue]] = field(default_factory=dict)
    metrics: Mapping[str, Reading[float]] = field(default_factory=dict)
    energy_joules: Reading[float] = NOT_READ
    clocks: Clocks = Clocks()
    failure: Missing | None = None

    @property
    def is_readable(self) -> bool:
        return self.failure is None

    def metric(self, name: str) -> Reading[float]:
        return self.failure or self.metrics.get(name, NOT_READ)

    def setting(self, name: str) -> Reading[ReadableValue]:
        return self.failure or self.settings.get(name, NOT_READ)

    @property
    def is_persistent(self) -> bool:
        return self.settings.get("persistence_mode") is True

    @property
    def is_lost(self) -> bool:
        return self.failure is not None and self.failure.missing is MissingReason.GPU_LOST


@dataclass(frozen=True, slots=True, kw_only=True)
class UnidentifiedGpu:
    """A GPU that the driver counts but whose handle, and so whose UUID, it does not give."""

    index: int
    failure: Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything that one refresh saw. GPUs are sorted by index; `serving` is keyed by endpoint, secrets left out."""

    node: Node
    taken_at: Moment
    origin: Origin
    gpus: tuple[ObservedGpu, ...]
    unidentified: tuple[UnidentifiedGpu, ...] = ()
    serving: Mapping[str, ServingEndpoint] = field(default_factory=dict)

    def gpu(self, uuid: str) -> ObservedGpu | None:
        return next((gpu for gpu in self.gpus if gpu.identity.uuid == uuid), None)
