"""What came out of judging: which GPUs a profile is for, and how each policy stands on each of them."""

from __future__ import annotations

from enum import StrEnum

from esnode.model.profile import Severity
from esnode.model.readings import Reading
from esnode.model.settings import SettingValue
from esnode.records import dataclass


class Match(StrEnum):
    SELECTED = "selected"
    NOT_SELECTED = "not_selected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Whether one profile is for one GPU; `reasons` explain every key that does not match."""

    profile: str
    gpu: str
    match: Match
    reasons: tuple[str, ...] = ()


class Status(StrEnum):
    UNKNOWN = "UNKNOWN"
    SKIPPED = "SKIPPED"
    MONITORING = "MONITORING"
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    HOLDING = "HOLDING"
    RELEASING = "RELEASING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a verdict does to a setting. `asked` is what the policy wrote, `after` what the hardware can do.

    `before` is what the hardware shows, or what esnode last wrote where it cannot show it.
    """

    setting: str
    asked: SettingValue
    before: SettingValue
    after: SettingValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One policy on one GPU in one pass. `limit` is the condition as text, `reason` a sentence.

    `line` is where the policy begins in its profile's file, 0 when it never was in one.
    """

    profile: str
    policy: str
    gpu: str
    target: str
    action: str
    severity: Severity
    status: Status
    value: Reading[float]
    limit: str
    reason: str
    effect: Effect | None = None
    line: int = 0
