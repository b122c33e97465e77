"""The state file's content: what esnode manages, and what it last observed.

The managed part changes only by an apply or by a command on the state, each change raising `serial`
by one. The observed part changes with every refresh and does not touch `serial`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from esnode.model.hardware import GpuIdentity, Moment, NodeIdentity, Observation, Session
from esnode.model.plan import HoldStep, Operation, ResourceType
from esnode.model.readings import Reading
from esnode.model.settings import SETTINGS, ReadableValue, SettingValue
from esnode.records import dataclass, field

STATE_VERSION = 1

SETTINGS_OWNER = "settings"
"""Stands for a policy's name where a profile's base layer is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """For whom a setting was applied (`policy` is SETTINGS_OWNER for a base layer), and by which user."""

    profile: str
    policy: str
    user: str

    def __str__(self) -> str:
        return f"{self.profile}/{self.policy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedSetting:
    """`baseline` is the value before esnode's first write; missing (write only) where nobody can read it.

    `certain` is false when an interrupted apply may or may not have written `applied` and no driver can tell:
    whatever is wanted next is then written, even if it is the same.
    """

    baseline: Reading[ReadableValue]
    applied: SettingValue
    owner: Owner
    applied_at: Moment
    session: Session
    certain: bool = True


class Direction(StrEnum):
    """Where the last step of a hold went."""

    DOWN = "down"
    UP = "up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An applied effect of one policy on one GPU, in force until released.

    `setting` is a setting's name; of a firing alert or a drained node it is that resource's type, and `value` the
    alert's channel or the node's condition. `certain` is false when an interrupted apply may or may not have sent
    the alert: it is then sent again.

    `raise_wait` (seconds) is how long a release must have held before a power limit goes up a step.
    `required_seconds` is how long the condition had to be true for this hold to begin.
    """

    action: str
    setting: str
    value: SettingValue
    since: Moment
    last_step_at: Moment
    last_step: Direction = Direction.DOWN
    raise_wait: float = 0.0
    required_seconds: float = 0.0
    certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What is remembered of a hold that was released, or of a process that was ended: the next time is less eager."""

    action: str
    ended_at: Moment
    raise_wait: float = 0.0
    required_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedGpu:
    """Everything esnode answers for on one GPU. `holds` and `rests` are keyed `PROFILE/POLICY`.

    `inherited` are baselines, by setting, that another state file knew when this one took the GPU over: they
    become the baselines here when this state begins to manage those settings.
    """

    identity: GpuIdentity
    settings: Mapping[str, ManagedSetting] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)
    rests: Mapping[str, Rest] = field(default_factory=dict)
    inherited: Mapping[str, Reading[ReadableValue]] = field(default_factory=dict)

    @property
    def is_managed(self) -> bool:
        """Whether there is anything to give back; the memory of released holds is not, nor what was inherited."""
        return bool(self.settings or self.holds)

    @property
    def setting_holds(self) -> Mapping[str, Hold]:
        """The holds that are of settings: neither firing alerts nor a drained node."""
        return {key: hold for key, hold in self.holds.items() if hold.setting in SETTINGS}

    @property
    def is_written(self) -> bool:
        """Whether esnode answers for anything on the GPU itself."""
        return bool(self.settings or self.setting_holds)

    @property
    def is_empty(self) -> bool:
        return not (self.is_managed or self.rests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A write that is about to happen or was under way: on disk before the hardware is touched.

    It says all that is needed to finish the record once the hardware was read again. `state_serial` is the serial of
    the state that holds it first: with address and setting it names this action for ever.
    """

    operation: str
    address: str
    gpu: str
    setting: str
    before: SettingValue
    after: SettingValue
    baseline: Reading[ReadableValue]
    owner: Owner
    forget: bool
    holds: tuple[HoldStep, ...]
    opened_at: Moment
    session: Session
    state_serial: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A change of anything but a GPU's settings that is about to happen or was under way: on disk before it begins.

    `state_serial` is as in an Intent.
    """

    operation: str
    address: str
    type: ResourceType
    actions: tuple[Operation, ...]
    gpu: str
    before: Mapping[str, SettingValue]
    after: Mapping[str, SettingValue]
    holds: tuple[HoldStep, ...]
    opened_at: Moment
    state_serial: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CordonedNode:
    """What esnode did to the Kubernetes node. `cordoned` is false when somebody else had cordoned it before.

    Who wants it is in the holds of the GPUs: when the last of them is released, all of this is undone.
    """

    name: str
    cordoned: bool
    conditions: tuple[str, ...]
    since: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """One GPU before an apply: what its changed settings were, and its record, if it had one."""

    before: Mapping[str, SettingValue] = field(default_factory=dict)
    record: ManagedGpu | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedPlan:
    """The last apply, and all that is needed to undo it. `gpus` is keyed by UUID."""

    applied_at: Moment
    user: str
    gpus: Mapping[str, Undo] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probation:
    """The last apply is undone at `due_at` unless somebody confirms it before."""

    due_at: Moment
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """`journal` holds open intents by `ADDRESS SETTING`, `errands` by address; empty when nothing is in flight."""

    gpus: Mapping[str, ManagedGpu] = field(default_factory=dict)
    node: CordonedNode | None = None
    journal: Mapping[str, Intent] = field(default_factory=dict)
    errands: Mapping[str, Errand] = field(default_factory=dict)
    last_apply: AppliedPlan | None = None
    probation: Probation | None = None

    @property
    def is_in_flight(self) -> bool:
        return bool(self.journal or self.errands)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyClock:
    """Since when a condition, and its release, have been true without a break. Keyed by `clock_key`."""

    seen_at: Moment
    session: Session
    true_since: Moment | None = None
    release_since: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The last refresh. Lost GPUs are kept with their last identity."""

    observation: Observation
    clocks: Mapping[str, PolicyClock] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`lineage` is the file's identity for life, `serial` the count of changes of its managed part."""

    lineage: str
    serial: int = 0
    node: NodeIdentity | None = None
    managed: Managed = Managed()
    observed: Observed | None = None


def hold_key(profile: str, policy: str) -> str:
    return f"{profile}/{policy}"
