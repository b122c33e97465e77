"""The plan: what was seen, how it was judged, and exactly what apply would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from esnode.diagnostics import Diagnostic
from esnode.model.hardware import GpuIdentity, Limits, Moment, Node, Origin, Session
from esnode.model.profile import Profile, Severity
from esnode.model.readings import Missing, Reading
from esnode.model.settings import ReadableValue, SettingValue
from esnode.model.verdict import Selection, Verdict
from esnode.records import dataclass, field


class Operation(StrEnum):
    """Terraform's words for what happens to a resource."""

    NO_OP = "no-op"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    FORGET = "forget"


class ResourceType(StrEnum):
    GPU = "gpu"
    PROCESS = "process"
    ALERT = "alert"
    NODE = "node"


class Mode(StrEnum):
    """What kind of plan was asked for."""

    NORMAL = "normal"
    DESTROY = "destroy"
    ROLLBACK = "rollback"
    REFRESH_ONLY = "refresh_only"
    """Accept drift: what is observed becomes what is applied. No hardware is touched."""
    CORRECT = "correct"
    """Correct drift, and nothing else: what `scan -out` saves."""


class Cause(StrEnum):
    """Why a change stands in a plan, or a hold takes a step."""

    POLICY = "policy"
    SETTINGS = "settings"
    DRIFT = "drift"
    RELEASED = "released"
    POLICY_REMOVED = "policy_removed"
    SETTING_REMOVED = "setting_removed"
    NOT_SELECTED = "not_selected"
    PROFILE_REMOVED = "profile_removed"
    ACCEPT_DRIFT = "accept_drift"
    REASSERT = "reassert"
    DESTROY = "destroy"
    ROLLBACK = "rollback"


class DriftCause(StrEnum):
    """How a setting came to differ, as far as the evidence goes."""

    EXTERNAL = "external"
    """Another program wrote it."""
    RELOAD = "reload"
    """The driver was restarted, or the machine booted: volatile settings are gone."""
    NOT_PERSISTENT = "not_persistent"
    """It went with the last client that had the GPU open, because persistence mode is off."""
    CLAMPED = "clamped"
    """The board's range no longer has what was applied; the driver holds the setting at the range's end."""
    GPU_REPLACED = "gpu_replaced"
    """The GPU is gone and another one sits in its place."""
    UNREADABLE = "unreadable"
    NOT_APPLIED = "not_applied"
    """A given profile's settings want it and esnode never applied it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """Whose will a changed setting is. `policy` is SETTINGS_OWNER for a base layer, "" for a give-back.

    `overruled` names those that asked for something less restrictive.
    """

    cause: Cause
    reason: str
    profile: str = ""
    policy: str = ""
    line: int = 0
    condition: str = ""
    severity: Severity = Severity.INFO
    overruled: tuple[str, ...] = ()


class Step(StrEnum):
    START = "start"
    DOWN = "down"
    UP = "up"
    CHANGE = "change"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStep:
    """What apply writes about a hold once the change is read back. Seconds.

    `setting` is a setting's name or, for an effect on another resource, that resource's type. `since` is when what
    the hold answers to began, where that counts and not when it was applied. `gpu` is the UUID that a step of the
    node's change is about; any other change is of one GPU and says so itself.
    """

    profile: str
    policy: str
    action: str
    setting: str
    step: Step
    cause: Cause
    before: SettingValue
    after: SettingValue
    raise_wait: float = 0.0
    required_seconds: float = 0.0
    since: Moment | None = None
    gpu: str = ""

    @property
    def key(self) -> str:
        return f"{self.profile}/{self.policy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource, from `before` to `after`: its own precondition and its own inverse.

    `forget` names settings whose record goes when the change is done.
    """

    address: str
    type: ResourceType
    actions: tuple[Operation, ...]
    before: Mapping[str, SettingValue]
    after: Mapping[str, SettingValue]
    reason: Cause
    order: int
    gpu: GpuIdentity | None = None
    session: Session | None = None
    because: Mapping[str, Because] = field(default_factory=dict)
    holds: tuple[HoldStep, ...] = ()
    forget: tuple[str, ...] = ()

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings that hardware will be written for."""
        is_written = self.type is ResourceType.GPU and self.reason is not Cause.ACCEPT_DRIFT
        return tuple(self.after) if is_written else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Who applied a setting, when, and for which policy (SETTINGS_OWNER for a base layer) of which profile."""

    profile: str
    policy: str
    user: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.profile}/{self.policy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Settings whose observed value is not the one that esnode applied, for one cause.

    `evidence` is a sentence that says what the cause was concluded from. `applied` is empty for what
    was never applied.
    """

    address: str
    gpu: GpuIdentity
    before: Mapping[str, SettingValue]
    after: Mapping[str, Reading[ReadableValue]]
    cause: DriftCause
    evidence: str = ""
    applied: Mapping[str, Applied] = field(default_factory=dict)
    type: ResourceType = ResourceType.GPU


class LockStatus(StrEnum):
    """What can be said of a clock lock, which no driver lets anybody read."""

    DRIFTED = "drifted"
    CONSISTENT = "consistent"
    UNVERIFIABLE = "unverifiable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockJudgement:
    """How one managed clock lock stands, judged by the clocks that the GPU shows. `reason` is a sentence."""

    address: str
    gpu: GpuIdentity
    setting: str
    applied: SettingValue
    status: LockStatus
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGpu:
    """One GPU as the plan saw it."""

    identity: GpuIdentity
    session: Session
    limits: Limits
    settings: Mapping[str, Reading[ReadableValue]]
    metrics: Mapping[str, Reading[float]]
    failure: Missing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorState:
    """What the plan was made from: `records` digests the managed record of each changed address."""

    lineage: str
    serial: int
    records: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One plan. `refreshed` is false when it was made from recorded readings.

    `locks` are the clock locks that esnode manages, judged; `notes` are sentences on what is as it should
    be and still worth knowing, such as a limit that something else holds lower.
    `in_flight` says that an apply was under way, or left writes behind that could not be decided: what this plan
    was made from may change at any moment.
    """

    esnode_version: str
    timestamp: datetime
    expires_at: datetime
    mode: Mode
    origin: Origin
    refreshed: bool
    node: Node
    profiles: tuple[Profile, ...]
    gpus: tuple[PlannedGpu, ...]
    prior_state: PriorState
    selections: tuple[Selection, ...]
    verdicts: tuple[Verdict, ...]
    drift: tuple[Drift, ...]
    changes: tuple[Change, ...]
    diagnostics: tuple[Diagnostic, ...]
    complete: bool = True
    targeted: tuple[str, ...] = ()
    locks: tuple[LockJudgement, ...] = ()
    notes: tuple[str, ...] = ()
    in_flight: bool = False

    @property
    def has_changes(self) -> bool:
        return bool(self.changes)

    @property
    def is_reviewable_only(self) -> bool:
        """Made from a capture or without a refresh of this machine: apply must not take it."""
        return self.origin is Origin.CAPTURE

    @property
    def can_apply(self) -> bool:
        return self.has_changes and not (self.is_reviewable_only or self.in_flight)


def count_operations(changes: tuple[Change, ...]) -> tuple[int, int, int, int]:
    """How many resources are added, changed, destroyed and forgotten."""
    operations = [operation for change in changes for operation in change.actions]
    kinds = (Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.FORGET)
    added, changed, destroyed, forgotten = (operations.count(kind) for kind in kinds)
    return added, changed, destroyed, forgotten


def gpu_address(uuid: str) -> str:
    return f'gpu["{uuid}"]'


def alert_address(key: str, uuid: str) -> str:
    """`key` is `PROFILE/POLICY`."""
    return f'alert["{key}@{uuid}"]'


def process_address(pid: int, uuid: str) -> str:
    return f'process["{pid}@{uuid}"]'


def node_address(name: str) -> str:
    return f'node["{name}"]'


def gpu_ranges(indexes: Iterable[int]) -> str:
    """`GPU-3`, `GPU-0 to GPU-7`, `GPU-0, GPU-1`, `GPU-0, GPU-2 to GPU-4`: many GPUs in few words.

    Of more than _SHOWN_RUNS that do not count on, the others are counted.
    """
    runs: list[list[int]] = []
    for index in sorted(set(indexes)):
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    words = [[f"GPU-{index}" for index in run] for run in runs[:_SHOWN_RUNS]]
    more = sum(len(run) for run in runs[_SHOWN_RUNS:])
    named = ", ".join(", ".join(run) if len(run) < 3 else f"{run[0]} to {run[-1]}" for run in words)
    return f"{named} and {more} more" if more else named


_SHOWN_RUNS = 24
"""More than any machine has; a state of a thousand GPUs is still to be read."""
