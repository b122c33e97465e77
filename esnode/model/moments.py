"""Points in time, and lives of the driver."""

from __future__ import annotations

from datetime import datetime, timedelta

from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A point in time: the wall clock (UTC) and seconds of CLOCK_BOOTTIME in the boot it names."""

    at: datetime
    uptime: float
    boot_id: str

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"the time {self.at.isoformat()} has no zone")

    def after(self, seconds: float) -> Moment:
        """The point in time so many seconds later, in the same boot."""
        return Moment(at=self.at + timedelta(seconds=seconds), uptime=self.uptime + seconds, boot_id=self.boot_id)

    def is_before(self, other: Moment) -> bool:
        """By boot time within one boot, so that a clock that is set back changes nothing; else by the wall clock."""
        if self.boot_id == other.boot_id:
            return self.uptime < other.uptime
        return self.at < other.at

    def seconds_since(self, earlier: Moment) -> float:
        """Seconds from `earlier` to here: by boot time within one boot, else by the wall clock. Never negative."""
        if self.boot_id == earlier.boot_id:
            return max(0.0, self.uptime - earlier.uptime)
        return max(0.0, (self.at - earlier.at).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One life of the driver on one GPU. `epoch` rises when its energy counter goes back without a reboot."""

    boot_id: str
    epoch: int = 0
