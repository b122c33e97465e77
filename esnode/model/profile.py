"""What a person wrote: an Efficiency Profile, with the position of every part."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, TypeAlias

from esnode.diagnostics import Range
from esnode.model.settings import WantedValue
from esnode.records import dataclass, field
from esnode.units import format_number

Path: TypeAlias = tuple[str | int, ...]
"""Where a part stands in its document: `("policies", 0, "action", "type")`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Line and column, both from 1, as editors count; `source` is the line, up to `end_column` it is the part's."""

    line: int
    column: int
    end_column: int = field(default=0, compare=False)
    source: str = field(default="", compare=False)


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Operator(StrEnum):
    GREATER = ">"
    GREATER_EQUAL = ">="
    LESS = "<"
    LESS_EQUAL = "<="
    EQUAL = "=="
    NOT_EQUAL = "!="

    @property
    def is_upper(self) -> bool:
        """The condition is true above its limit."""
        return self in (Operator.GREATER, Operator.GREATER_EQUAL)

    @property
    def is_lower(self) -> bool:
        """The condition is true below its limit."""
        return self in (Operator.LESS, Operator.LESS_EQUAL)


_MIRRORED: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.GREATER: operator.lt,
    Operator.GREATER_EQUAL: operator.le,
    Operator.LESS: operator.gt,
    Operator.LESS_EQUAL: operator.ge,
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
}
"""What holds of a limit and a value, in this order, when the condition is true of the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`OP NUMBER [UNIT]`. `unit` is the target's own spelling, empty when none was written."""

    op: Operator
    limit: float
    unit: str = ""

    @property
    def is_true(self) -> Callable[[float], bool]:
        """Whether the condition is true of a value: a call that stays in C, for those who ask for many GPUs."""
        return partial(_MIRRORED[self.op], self.limit)

    def __str__(self) -> str:
        """As a person would write it; exact, so that it parses to the same condition."""
        short = format_number(self.limit)
        return f"{self.op} {short if float(short) == self.limit else repr(self.limit)}{self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottlePower:
    """Lowers the power limit by `step_watts`, never below `min_watts`. Watts."""

    type = "throttle_power"
    step_watts: float
    min_watts: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LockClock:
    """Locks the graphics clock to the supported one nearest to `frequency_mhz`."""

    type = "lock_clock"
    frequency_mhz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Notifies `channel` (a name of the node file); reminds every `repeat_seconds`, when given."""

    type = "alert"
    channel: str
    repeat_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KillProcess:
    """Ends the process that uses most of the resource: SIGTERM, the grace period, SIGKILL."""

    type = "kill_process"
    grace_period_seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MigratePod:
    """Sets a condition on the Kubernetes node, cordons it and evicts the pods that hold a GPU."""

    type = "migrate_pod"
    node_condition: str


Action: TypeAlias = ThrottlePower | LockClock | Alert | KillProcess | MigratePod


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """When a hold is given back. What is not given has the action's own default."""

    condition: Condition | None = None
    duration_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One rule. `line` is where it begins in its file, 0 when it never was in one."""

    name: str
    target: str
    condition: Condition
    action: Action
    description: str = ""
    duration_seconds: float = 0.0
    severity: Severity = Severity.INFO
    release: Release = Release()
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which GPUs. Each key's patterns are alternatives; all keys must match; none means all GPUs."""

    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One Efficiency Profile.

    `document` is the whole manifest as JSON values, `sha256` the digest of its canonical form (so that
    comments and layout do not matter), `path` the file as typed.
    """

    name: str
    version: str
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    selector: Selector = Selector()
    settings: Mapping[str, WantedValue] = field(default_factory=dict)
    policies: tuple[Policy, ...] = ()
    path: str = field(default="", compare=False)
    sha256: str = field(default="", compare=False)
    document: Mapping[str, Any] = field(default_factory=dict, compare=False)
    positions: Mapping[Path, Position] = field(default_factory=dict, compare=False)

    def policy(self, name: str) -> Policy | None:
        return next((policy for policy in self.policies if policy.name == name), None)

    def range(self, *path: str | int) -> Range | None:
        """The place of a part, or of the nearest part around it that has one."""
        position = next((at for size in range(len(path), -1, -1) if (at := self.positions.get(path[:size]))), None)
        if position is None:
            return None
        line, column, end = position.line, position.column, max(position.end_column, position.column + 1)
        return Range(filename=self.path, line=line, column=column, end_column=end, source=position.source)

    def place_of(self, policy: str, *part: str | int) -> Range | None:
        """The place of a part of a policy, or of the policy; None for one that is not here, or never was in a file."""
        number = next((number for number, item in enumerate(self.policies) if item.name == policy), None)
        return None if number is None else self.range("policies", number, *part)

    def line(self, *path: str | int) -> int:
        """The line of a part, or of the nearest part around it that has one; 0 if none has."""
        for length in range(len(path), -1, -1):
            position = self.positions.get(path[:length])
            if position:
                return position.line
        return 0
