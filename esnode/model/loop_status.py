"""What a control loop says of itself after each cycle: what its metrics, its health and `esnode top` are made from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from esnode.model.audit import AuditEntry
from esnode.model.plan import Plan
from esnode.model.settings import SettingValue
from esnode.records import dataclass, field

CYCLE_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds in seconds of what cycles are counted by; one more bucket takes the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenProfile:
    name: str
    version: str
    sha256: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """The last time profiles were read. `error` says why the old ones were kept, empty when they were not."""

    at: datetime
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contested:
    """A setting that some other program keeps changing back. `pause` is for how many seconds it is left alone."""

    address: str
    setting: str
    count: int
    pause: float
    since: datetime
    wanted: SettingValue
    found: SettingValue


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingApproval:
    """Changes that a person has to apply. `addresses` are sorted; `path` is the saved plan."""

    path: str
    digest: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedValue:
    """A setting that esnode manages: what it last applied, what it should be now, and for whom."""

    address: str
    setting: str
    applied: SettingValue
    desired: SettingValue
    profile: str
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Counts since the loop began. `actions` is keyed `TYPE ACTION RESULT` (`gpu update applied`), `errors` by kind.

    `buckets` counts cycles by CYCLE_BUCKETS, each by itself and not summed up; `cycle_seconds` is all of them together.
    """

    cycles_ok: int = 0
    cycles_failed: int = 0
    cycle_seconds: float = 0.0
    buckets: tuple[int, ...] = (0,) * (len(CYCLE_BUCKETS) + 1)
    actions: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStatus:
    """One control loop after its last cycle. `plan` is the last one made; None before the first.

    `at` is the end of that cycle, `interval` in the machine's own seconds. `patience` is within how many real seconds
    the next status comes, unless the loop is stuck. `failure` is a sentence on why the last cycle failed, "" when it
    did not; `next_pause` is how long it waits because of failures. `is_ready` is true from the first cycle on that did
    all it was to do. `recent` is the newest of the audit log, newest last.
    """

    version: str
    host: str
    pid: int
    user: str
    state_path: str
    started_at: datetime
    at: datetime
    interval: float
    patience: float
    profiles: tuple[GivenProfile, ...]
    reload: Reload
    counters: Counters = Counters()
    last_cycle_seconds: float = 0.0
    consecutive_failures: int = 0
    failure: str = ""
    next_pause: float = 0.0
    is_ready: bool = False
    is_dry_run: bool = False
    is_simulated: bool = False
    plan: Plan | None = None
    managed: tuple[ManagedValue, ...] = ()
    contested: tuple[Contested, ...] = ()
    pending: PendingApproval | None = None
    recent: tuple[AuditEntry, ...] = ()
