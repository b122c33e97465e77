"""What a driver says of its GPUs without being asked."""

from __future__ import annotations

from enum import StrEnum

from esnode.records import dataclass


class EventKind(StrEnum):
    XID = "xid"
    CLOCK = "clock"
    POWER_STATE = "power_state"
    MIG = "mig"
    UNAVAILABLE = "unavailable"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuEvent:
    """`code` is the XID's number, 0 for other kinds."""

    uuid: str
    kind: EventKind
    code: int = 0
