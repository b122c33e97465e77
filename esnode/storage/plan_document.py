"""The plan file's shape: Terraform's JSON plan representation wherever the meaning is the same.

These classes are the wire form, member by member; `schemas/plan.v1.schema.json` is generated from them.
Members that only readers of Terraform plans need have constant values.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from esnode.diagnostics import Diagnostic
from esnode.model.hardware import GpuIdentity, Node, Origin, Session
from esnode.model.plan import (
    Applied,
    Because,
    Cause,
    DriftCause,
    HoldStep,
    LockJudgement,
    Mode,
    Operation,
    PlannedGpu,
    PriorState,
    ResourceType,
)
from esnode.model.readings import Reading
from esnode.model.settings import ReadableValue, SettingValue
from esnode.model.verdict import Selection, Verdict
from esnode.records import dataclass, field

FORMAT_VERSION = "1.0"
"""Minor versions add members; readers ignore what they do not know and refuse another major version."""

PROVIDER = "esnode"

TERRAFORM_VERSION = "1.11.4"
"""The Terraform whose JSON plan representation this file follows: readers of such plans refuse a file without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileEntry:
    """One profile as it was planned from. `sha256` is the digest of the document's canonical JSON."""

    name: str
    version: str
    path: str
    sha256: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeBody:
    """Before and after of one resource; null where it does not exist, or is none of esnode's business any more."""

    actions: tuple[Operation, ...]
    before: Mapping[str, SettingValue] | None
    after: Mapping[str, SettingValue] | None
    after_unknown: Mapping[str, bool] = field(default_factory=dict)
    before_sensitive: Mapping[str, bool] = field(default_factory=dict)
    after_sensitive: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """One change, in the order in which apply lists it."""

    address: str
    mode: str
    type: ResourceType
    name: str
    index: str
    provider_name: str
    change: ChangeBody
    action_reason: Cause
    order: int
    gpu: GpuIdentity | None
    session: Session | None
    because: Mapping[str, Because]
    holds: tuple[HoldStep, ...]
    forget: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftBody:
    actions: tuple[Operation, ...]
    before: Mapping[str, SettingValue]
    after: Mapping[str, Reading[ReadableValue]]
    after_unknown: Mapping[str, bool] = field(default_factory=dict)
    before_sensitive: Mapping[str, bool] = field(default_factory=dict)
    after_sensitive: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDrift:
    """Settings that are not as esnode applied them: `before` is applied, `after` observed."""

    address: str
    mode: str
    type: ResourceType
    name: str
    index: str
    provider_name: str
    change: DriftBody
    cause: DriftCause
    gpu: GpuIdentity
    evidence: str = ""
    applied: Mapping[str, Applied] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDocument:
    """The whole file."""

    format_version: str
    esnode_version: str
    timestamp: datetime
    expires_at: datetime
    applyable: bool
    complete: bool
    errored: bool
    refreshed: bool
    origin: Origin
    plan_mode: Mode
    targets: tuple[str, ...]
    profiles: tuple[ProfileEntry, ...]
    node: Node
    gpus: tuple[PlannedGpu, ...]
    prior_state: PriorState
    selections: tuple[Selection, ...]
    verdicts: tuple[Verdict, ...]
    resource_drift: tuple[ResourceDrift, ...]
    resource_changes: tuple[ResourceChange, ...]
    diagnostics: tuple[Diagnostic, ...]
    digest: str
    planned_values: Mapping[str, Any]
    configuration: Mapping[str, Any]
    in_flight: bool = False
    terraform_version: str = TERRAFORM_VERSION
    variables: Mapping[str, Any] = field(default_factory=dict)
    output_changes: Mapping[str, Any] = field(default_factory=dict)
    clock_locks: tuple[LockJudgement, ...] = ()
    notes: tuple[str, ...] = ()
    checksum: str = ""
