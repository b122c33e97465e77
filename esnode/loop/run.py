"""The control loop itself: one cycle after the other, in time, until it is told to stop."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from esnode import __version__
from esnode.engine.pace import Pace
from esnode.errors import (
    EXIT_INCOMPLETE,
    DriverCallFailed,
    DriverUnavailable,
    EsnodeError,
    LockHeld,
    StalePlan,
)
from esnode.host.service_manager import ServiceManager
from esnode.loop.heralds import Herald
from esnode.loop.inputs import Inputs, Reader
from esnode.loop.keeper import CycleResult, Keeper
from esnode.loop.orders import Orders
from esnode.loop.reporter import Reporter, in_words
from esnode.loop.signals import Signals
from esnode.loop.status import contested_settings, given, managed_values
from esnode.loop.tally import Tally
from esnode.loop.telling import Telling
from esnode.model.alerts import Notification
from esnode.model.events import EventKind
from esnode.model.hardware import Moment, Origin
from esnode.model.loop_status import LoopStatus, Reload
from esnode.model.news import Grade, News
from esnode.model.writes import Done
from esnode.storage.audit import AuditLog
from esnode.units import format_duration
from esnode.views.loop import LoopView
from esnode.wiring.machine import Machine

JUMP: Final = 2.0
"""Seconds by which clocks must disagree before the machine was asleep, or its clock was set."""

SETTLE: Final = 2.0
"""Seconds to leave a driver alone after the machine woke up."""

_RECENT: Final = 20
_BENIGN: Final = (StalePlan, LockHeld)
"""Refusals that mean no more than: look again."""


class Publisher(Protocol):
    """Whoever is given the loop's status after each cycle."""

    def publish(self, status: LoopStatus) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one cycle ended. `failure` is a sentence, "" when all of it was done."""

    result: CycleResult | None
    failure: str
    seconds: float


class ControlLoop:
    """`say` changes what STATE.loop says of the profiles; `publisher` is None when nobody is told."""

    def __init__(
        self,
        machine: Machine,
        inputs: Inputs,
        orders: Orders,
        reader: Reader,
        view: LoopView,
        signals: Signals,
        *,
        publisher: Publisher | None,
        say: Callable[[Inputs], None],
        timeout: float,
    ) -> None:
        self._machine, self._inputs, self._orders, self._reader = machine, inputs, orders, reader
        self._view, self._signals, self._publisher, self._say = view, signals, publisher, say
        self._timeout = timeout
        self._keeper = Keeper(
            machine, orders, Telling(view.tell), planned=self._planned, should_stop=signals.should_stop
        )
        self._herald = Herald(orders.notify, self._send)
        self._reporter = Reporter(view.tell)
        self._tally = Tally()
        self._audit = AuditLog(orders.state_path)
        self._service = ServiceManager()
        self._started_at = self._reloaded_at = datetime.now(UTC)
        self._reload_error = ""
        self._failures = 0
        self._has_begun = self._is_ready = False
        self._last: tuple[Moment, float] | None = None
        self._status: LoopStatus | None = None

    def run(self) -> int:
        """Until a signal ends it, or after one cycle. The exit code.

        Raises the first cycle's error where that is for a person to mend: a machine without a driver is no machine to
        keep.
        """
        clock = self._machine.clock
        pace = Pace(interval=self._orders.interval, origin=clock.monotonic())
        try:
            while True:
                began = clock.monotonic()
                outcome = self._cycle()
                if self._orders.once:
                    return 0 if not outcome.failure else EXIT_INCOMPLETE
                if not self._pause(pace, began):
                    break
            return self._end()
        finally:
            if not self._orders.dry_run:
                with contextlib.suppress(OSError):
                    self._keeper.desk.clear()

    # -- one cycle

    def _cycle(self) -> Outcome:
        self._notice_jumps()
        began = time.monotonic()
        result, failure = None, ""
        try:
            result = self._keeper.cycle(self._inputs.profiles)
            failure = self._judge(result)
        except Exception as error:
            if not self._has_begun and isinstance(error, EsnodeError):
                raise
            failure = self._failed(error)
        outcome = Outcome(result=result, failure=failure, seconds=time.monotonic() - began)
        self._failures = self._failures + 1 if failure else 0
        self._reporter.health(failure, self._backoff())
        self._tally.cycle(outcome.seconds, is_ok=not failure)
        if result and not self._has_begun:
            self._begin(result)
        self._publish(outcome)
        return outcome

    def _planned(self, result: CycleResult) -> None:
        self._reporter.planned(result, self._keeper.memory.contests, self._keeper.desk.pending)

    def _judge(self, result: CycleResult) -> str:
        """Tell of a cycle that came through, and say why it is a failure all the same, if it is."""
        keeper, now = self._keeper, self._machine.clock.now()
        undelivered = self._herald.tell(keeper.memory.contests, result.plan, result.state, now)
        result = replace(result, problems=(*result.problems, *undelivered))
        self._reporter.done(result)
        self._tally.did(result)
        for problem in (*result.problems, *([result.refused] if result.refused else [])):
            self._tally.error(problem)
        gpus = result.plan.gpus
        if gpus and all(gpu.failure for gpu in gpus):
            # What a session knows of GPUs that all went away, such as with their driver, is not worth keeping.
            self._machine.restart()
            return f"None of {len(gpus)} GPUs can be read"
        serious = [item for item in (*result.problems, result.refused) if item and not isinstance(item, _BENIGN)]
        if serious:
            return in_words(serious[0])
        return "Not every change was made" if result.report and not result.report.is_complete else ""

    def _failed(self, error: Exception) -> str:
        self._tally.error(error)
        if isinstance(error, DriverUnavailable | DriverCallFailed):
            self._machine.restart()
        if not isinstance(error, EsnodeError) and os.environ.get("ESNODE_LOG") == "debug":
            raise error
        return in_words(error)

    def _begin(self, result: CycleResult) -> None:
        """The first lines, as the specification has them, once the first cycle has shown what is true of them."""
        self._has_begun = True
        host = result.plan.node.identity.hostname
        simulated = " SIMULATED" if result.plan.origin is Origin.SIMULATED else ""
        verb = "judged (dry run, nothing is written) on" if self._orders.dry_run else "applied to"
        lines = [f"Profile '{profile.name}' {verb} {host}.{simulated}" for profile in self._inputs.profiles]
        self._view.begin(lines if self._orders.once else [*lines, "Active Control Loop started."])
        self._service.ready(self._summary(result))

    def _notice_jumps(self) -> None:
        """The machine was asleep, or its clock was set: told, and after a sleep the driver is left to settle first."""
        clock = self._machine.clock
        now, mono = clock.now(), clock.monotonic()
        if self._last and self._last[0].boot_id == now.boot_id:
            before, mono_before = self._last
            passed = now.uptime - before.uptime
            slept, set_by = passed - (mono - mono_before), (now.at - before.at).total_seconds() - passed
            if slept > JUMP:
                message = f"The machine slept for {format_duration(slept)}: everything is read again before anything"
                self._view.tell(News(kind="resumed", message=message, grade=Grade.WARNING))
                self._machine.wait(SETTLE, self._signals.waker)
            if abs(set_by) > JUMP:
                way = "forward" if set_by > 0 else "back"
                message = f"The clock was set {way} by {format_duration(abs(set_by))}: durations are not touched by it"
                self._view.tell(News(kind="clock_set", message=message))
        self._last = (clock.now(), clock.monotonic())

    # -- between cycles

    def _pause(self, pace: Pace, began: float) -> bool:
        """Wait for the next look; events bring it forward. False when the loop is to end."""
        clock = self._machine.clock
        due = pace.next_look(clock.monotonic(), self._failures)
        while not self._signals.should_stop():
            if self._signals.take_reload():
                self._reload()
                return True
            left = due - clock.monotonic()
            if left <= 0:
                return True
            events = self._machine.wait(min(left, self._slice()), self._signals.waker)
            self._service.alive()
            if events and not self._failures:
                self._keeper.memory.hear(events)
                is_urgent = any(event.kind is EventKind.XID for event in events)
                due = clock.monotonic() if is_urgent else min(due, pace.earliest_look(began))
        return False

    def _backoff(self) -> float:
        return Pace(interval=self._orders.interval, origin=0.0).backoff(self._failures)

    def _slice(self) -> float:
        """How long to be silent towards a watchdog, in the machine's seconds."""
        watchdog = self._service.watchdog_seconds
        return watchdog / 3 if watchdog else 3600.0

    def _reload(self) -> None:
        """Read profiles and node file again. Broken ones change nothing."""
        self._service.reloading()
        self._reloaded_at = datetime.now(UTC)
        try:
            inputs = self._reader.read()
            self._reload_error = ""
        except EsnodeError as broken:
            self._reload_error = in_words(broken)
            message = f"The profiles were not read again, the old ones stay: {self._reload_error}"
            self._view.tell(News(kind="reload_failed", message=message, grade=Grade.ERROR))
        else:
            self._inputs = inputs
            self._machine = self._machine.knowing(inputs.facts)
            self._keeper.know(self._machine)
            self._say(inputs)
            names = ", ".join(sorted(inputs.digests))
            self._view.tell(News(kind="reloaded", message=f"The profiles were read again: {names}"))
        self._service.ready("reloaded" if not self._reload_error else "reload failed")

    def _end(self) -> int:
        number = self._signals.stop
        why = number.name if number else "told to"
        self._service.stopping(why)
        if self._orders.restore_on_exit and not self._orders.dry_run:
            return self._give_back()
        message = f"Ending ({why}): settings stay as they are; esnode destroy plans to give them back"
        self._view.tell(News(kind="loop_ended", message=message))
        return 0

    def _give_back(self) -> int:
        self._signals.stop = None
        result = self._keeper.give_back()
        self._tally.did(result)
        is_whole = result.is_complete and not result.done.in_flight
        if is_whole:
            self._view.tell(News(kind="loop_ended", message="Ending: every managed setting was given back"))
            return 0
        why = in_words(result.refused) if result.refused else "esnode state show lists what is left."
        message = f"Ending, and not everything was given back: {why}"
        self._view.tell(News(kind="loop_ended", message=message, grade=Grade.ERROR))
        return EXIT_INCOMPLETE

    # -- what it says of itself

    def _send(self, messages: list[Notification]) -> list[Done]:
        return list(self._machine.hands(lambda sentence: None, lambda: False).send(messages))

    def _publish(self, outcome: Outcome) -> None:
        result = outcome.result
        self._is_ready = self._is_ready or not outcome.failure
        before = self._status
        pause = self._backoff()
        self._status = LoopStatus(
            version=__version__,
            host=result.plan.node.identity.hostname if result else before.host if before else "",
            pid=os.getpid(),
            user=self._orders.user,
            state_path=str(self._orders.state_path),
            started_at=self._started_at,
            at=datetime.now(UTC),
            interval=self._orders.interval,
            patience=3 * (max(self._orders.interval, pause) + self._timeout),
            profiles=given(self._inputs.profiles),
            reload=Reload(at=self._reloaded_at, error=self._reload_error),
            counters=self._tally.counters,
            last_cycle_seconds=outcome.seconds,
            consecutive_failures=self._failures,
            failure=outcome.failure,
            next_pause=pause,
            is_ready=self._is_ready,
            is_dry_run=self._orders.dry_run,
            is_simulated=bool(self._orders.simulate),
            plan=result.plan if result else before.plan if before else None,
            managed=managed_values(result) if result else before.managed if before else (),
            contested=contested_settings(self._keeper.memory.contests),
            pending=self._keeper.desk.pending,
            recent=self._audit.newest(_RECENT),
        )
        if self._publisher:
            self._publisher.publish(self._status)
        self._service.status(self._summary(result) if result else outcome.failure)

    def _summary(self, result: CycleResult) -> str:
        held = sum(len(record.holds) for record in result.state.managed.gpus.values())
        return f"{len(result.plan.gpus)} GPUs, {held} holds, {len(result.plan.changes)} changes in the last cycle"
