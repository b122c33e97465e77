"""What a control loop says of itself, to whoever watches it: its status, its service manager."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final, Protocol

from esnode import __version__
from esnode.engine.contests import Contests
from esnode.host.service_manager import ServiceManager
from esnode.loop.inputs import Inputs
from esnode.loop.keeper import CycleResult
from esnode.loop.orders import Orders
from esnode.loop.status import contested_settings, given, managed_values
from esnode.model.audit import AuditEntry
from esnode.model.loop_status import Counters, LoopStatus, PendingApproval, Reload
from esnode.model.plan import Plan, ResourceType
from esnode.records import replace
from esnode.storage.audit import AuditLog

_RECENT: Final = 60
"""Entries of the audit log: an apply to eight GPUs is a dozen."""

LONGEST_ACTION: Final = 900.0
"""Real seconds that ending processes and draining a node may take together: grace periods and drains have limits."""


class Publisher(Protocol):
    """Whoever is given the loop's status after each cycle."""

    def publish(self, status: LoopStatus) -> None: ...


class Speaker:
    """`publisher` is None when nobody is told. `timeout` is what the driver is given for an answer."""

    def __init__(self, orders: Orders, publisher: Publisher | None, timeout: float) -> None:
        self._orders = orders
        self._publisher = publisher
        self._timeout = timeout
        self._service = ServiceManager()
        self._audit = AuditLog(orders.state_path)
        self._started_at = datetime.now(UTC)
        self.reload = Reload(at=self._started_at)
        self._is_ready = False
        self._status: LoopStatus | None = None

    @property
    def longest_silence(self) -> float:
        """Real seconds within which a watchdog must hear of the loop; an hour where there is none."""
        return self._service.watchdog_seconds / 3 or 3600.0

    def alive(self) -> None:
        self._service.alive()

    def begun(self, result: CycleResult) -> None:
        self._service.ready(_summary(result))

    def reloading(self) -> None:
        self._service.reloading()

    def reloaded(self, error: str) -> None:
        self.reload = Reload(at=datetime.now(UTC), error=error)
        self._service.ready(f"The profiles were not read again: {error}" if error else "The profiles were read again")

    def ending(self, why: str) -> None:
        self._service.stopping(why)

    @contextmanager
    def breathing(self) -> Iterator[None]:
        """While this lasts the watchdog hears of the loop by itself: for actions that have a limit of their own."""
        with self._service.breathing(LONGEST_ACTION):
            yield

    def planned(self, plan: Plan) -> None:
        """Ending a process and draining a node take their time: whoever waits for the next status is told so."""
        is_long = any(change.type in (ResourceType.PROCESS, ResourceType.NODE) for change in plan.changes)
        if is_long and self._status and self._publisher:
            self._publisher.publish(replace(self._status, patience=LONGEST_ACTION))

    def cycle(
        self,
        result: CycleResult | None,
        inputs: Inputs,
        *,
        seconds: float,
        failure: str,
        failures: int,
        pause: float,
        counters: Counters,
        contests: Contests,
        pending: PendingApproval | None,
    ) -> None:
        """Say how the last cycle went. Where it came to nothing, what is known is what was known before."""
        self._is_ready = self._is_ready or not failure
        before, orders = self._status, self._orders
        self._status = LoopStatus(
            version=__version__,
            host=result.plan.node.identity.hostname if result else before.host if before else "",
            pid=os.getpid(),
            user=orders.user,
            state_path=str(orders.state_path),
            started_at=self._started_at,
            at=datetime.now(UTC),
            interval=orders.interval,
            patience=3 * (max(orders.interval, pause) + self._timeout),
            profiles=given(inputs.profiles),
            reload=self.reload,
            counters=counters,
            last_cycle_seconds=seconds,
            consecutive_failures=failures,
            failure=failure,
            next_pause=pause,
            is_ready=self._is_ready,
            is_dry_run=orders.dry_run,
            is_simulated=orders.simulate is not None,
            plan=result.plan if result else before.plan if before else None,
            managed=managed_values(result) if result else before.managed if before else (),
            contested=contested_settings(contests),
            pending=pending,
            recent=self._recent(),
        )
        if self._publisher:
            self._publisher.publish(self._status)
        self._service.status(_summary(result) if result else failure)

    def _recent(self) -> tuple[AuditEntry, ...]:
        """What was done lately; nothing where the log cannot be read: that is no reason to end."""
        if self._publisher:
            with suppress(OSError):
                return self._audit.newest(_RECENT)
        return ()


def _summary(result: CycleResult) -> str:
    held = sum(len(record.holds) for record in result.state.managed.gpus.values())
    return f"{len(result.plan.gpus)} GPUs, {held} holds, {len(result.plan.changes)} changes in the last cycle"
