"""What the engine needs of the world, as Protocols: it knows no hardware, no file and no clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from esnode.model.alerts import Notification
from esnode.model.audit import AuditEntry
from esnode.model.cluster import NodeOrder
from esnode.model.hardware import Moment
from esnode.model.plan import Change
from esnode.model.report import StepOutcome
from esnode.model.state import State
from esnode.model.writes import Done, Termination, Write, Written


class Clock(Protocol):
    def now(self) -> Moment: ...


class PacedClock(Clock, Protocol):
    """A clock that something can be done by, again and again."""

    def monotonic(self) -> float:
        """Seconds that are never set and do not go on while the machine sleeps, from any beginning."""

    def nap(self, seconds: float) -> float:
        """How many real seconds to wait before asking again whether so many of its own are over."""


class Actuator(Protocol):
    """Writes settings of GPUs side by side, and reads each back. A refusal is an answer, never raised."""

    def write_all(self, writes: Sequence[Write]) -> Sequence[Written]: ...


class Hands(Protocol):
    """Does everything else, and sees that it was done. A failure is an answer, never raised."""

    def end_processes(self, orders: Sequence[Termination]) -> Sequence[Done]: ...

    def change_node(self, order: NodeOrder) -> Done: ...

    def send(self, notifications: Sequence[Notification]) -> Sequence[Done]: ...


class Recorder(Protocol):
    """Makes a state durable. Raises StateUnwritable when it cannot."""

    def save(self, state: State) -> None: ...


class Auditor(Protocol):
    """Writes down for good what was done. Raises StateUnwritable when it cannot."""

    def record(self, entries: Sequence[AuditEntry]) -> None: ...


class Progress(Protocol):
    """Told what apply does, as it does it."""

    def started(self, change: Change, setting: str) -> None: ...

    def finished(self, change: Change, outcome: StepOutcome) -> None: ...
