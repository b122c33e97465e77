"""What an alert says, whoever receives it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from esnode.model.hardware import GpuIdentity
from esnode.model.profile import Severity
from esnode.records import dataclass


class Occasion(StrEnum):
    FIRING = "firing"
    REMINDER = "reminder"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message about one alert. `key` is the same for everything sent about it from its start to its end.

    `value` and `condition` are texts with their unit, `reason` a sentence. `ended_at` is set when it is resolved.
    """

    key: str
    occasion: Occasion
    address: str
    channel: str
    severity: Severity
    profile: str
    policy: str
    target: str
    condition: str
    value: str
    reason: str
    gpu: GpuIdentity
    host: str
    since: datetime
    sent_at: datetime
    plan_digest: str
    is_simulated: bool = False
    ended_at: datetime | None = None
