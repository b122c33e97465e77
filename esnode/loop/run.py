"""The control loop itself: one cycle after the other, in time, until it is told to stop."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Callable
from typing import Final

from esnode.engine.pace import Pace
from esnode.errors import (
    EXIT_INCOMPLETE,
    DriverCallFailed,
    DriverUnavailable,
    EsnodeError,
    FileUnwritable,
    LockHeld,
    StalePlan,
    StateUnwritable,
)
from esnode.loop.heralds import Herald
from esnode.loop.inputs import Inputs, Reader
from esnode.loop.jumps import Clocks
from esnode.loop.keeper import CycleResult, Keeper
from esnode.loop.orders import Orders
from esnode.loop.reporter import Reporter, in_words
from esnode.loop.signals import Signals
from esnode.loop.speaker import Speaker
from esnode.loop.tally import Tally
from esnode.loop.telling import Telling
from esnode.model.alerts import Notification
from esnode.model.events import EventKind
from esnode.model.hardware import Origin
from esnode.model.news import Grade, News
from esnode.model.writes import Done
from esnode.records import replace
from esnode.units import format_duration
from esnode.views.loop import LoopView
from esnode.wiring.machine import Machine

SETTLE: Final = 2.0
"""Seconds to leave a driver alone after the machine woke up."""

_USUAL_THRESHOLDS: Final = (700, 10, 10)
"""Python's own, of its collector of cycles."""

_BENIGN: Final = (StalePlan, LockHeld)
"""Refusals that mean no more than: look again."""


class ControlLoop:
    """`say` changes what STATE.loop says of the profiles."""

    def __init__(
        self,
        machine: Machine,
        inputs: Inputs,
        orders: Orders,
        reader: Reader,
        view: LoopView,
        signals: Signals,
        speaker: Speaker,
        say: Callable[[Inputs], None],
    ) -> None:
        self._machine, self._inputs, self._orders, self._reader = machine, inputs, orders, reader
        self._view, self._signals, self._speaker, self._say = view, signals, speaker, say
        self._keeper = Keeper(
            machine, orders, Telling(view.tell), planned=self._planned, should_stop=signals.should_stop
        )
        self._herald = Herald(orders.notify, self._send)
        self._reporter = Reporter(view.tell)
        self._tally = Tally()
        self._clocks = Clocks()
        self._failures = 0
        self._has_begun = False
        self._is_said = True

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
                failure = self._cycle()
                if self._orders.once:
                    return EXIT_INCOMPLETE if failure else 0
                if not self._pause(pace, began):
                    return self._end()
        finally:
            if not self._orders.dry_run:
                with contextlib.suppress(FileUnwritable):
                    self._keeper.desk.clear()

    # -- one cycle

    def _cycle(self) -> str:
        """Why it failed, in a sentence; "" when all of it was done."""
        self._notice_jumps()
        if not self._is_said:
            self._say_so()
        began, result = time.monotonic(), None
        try:
            result = self._keeper.cycle(self._inputs.profiles)
            failure = self._judge(result)
        except Exception as error:
            if not self._has_begun and isinstance(error, EsnodeError):
                raise
            failure = self._failed(error)
        seconds = time.monotonic() - began
        self._failures = self._failures + 1 if failure else 0
        self._reporter.health(failure, self._backoff())
        self._view.settle()
        self._tally.cycle(seconds, is_ok=not failure)
        if result and not self._has_begun:
            self._begin(result)
        self._speaker.cycle(
            result,
            self._inputs,
            seconds=seconds,
            failure=failure,
            failures=self._failures,
            pause=self._backoff(),
            counters=self._tally.counters,
            contests=self._keeper.memory.contests,
            pending=self._keeper.desk.pending,
        )
        return failure

    def _planned(self, result: CycleResult) -> contextlib.AbstractContextManager[None]:
        """Told before anything is done; what is returned is entered while it is."""
        self._reporter.planned(result, self._keeper.memory.contests, self._keeper.desk.pending)
        self._speaker.planned(result.done)
        return self._speaker.breathing()

    def _judge(self, result: CycleResult) -> str:
        """Tell of a cycle that came through, and say why it is a failure all the same, if it is."""
        undelivered = self._herald.tell(
            self._keeper.memory.contests, result.plan, result.state, self._machine.clock.now()
        )
        result = replace(result, problems=(*result.problems, *undelivered))
        self._reporter.done(result)
        self._tally.did(result)
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
        self._speaker.begun(result)
        # Everything loaded by now stays: it is not to be gone through again in every collection to come, and those
        # come as often as is usual, unlike in a command that ends soon.
        gc.set_threshold(*_USUAL_THRESHOLDS)
        gc.collect()
        gc.freeze()

    def _notice_jumps(self) -> None:
        """After a sleep the driver is left to settle before it is asked for anything."""
        clock = self._machine.clock
        jump = self._clocks.look(clock.now(), clock.monotonic())
        if jump.slept:
            message = f"The machine slept for {format_duration(jump.slept)}: everything is read again before anything"
            self._view.tell(News(kind="resumed", message=message, grade=Grade.WARNING))
            self._machine.wait(SETTLE, self._signals.waker)
        if jump.was_set:
            way = "forward" if jump.was_set > 0 else "back"
            by = format_duration(abs(jump.was_set))
            self._view.tell(News(kind="clock_set", message=f"The clock was set {way} by {by}: durations go on"))

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
            events = self._machine.wait(min(left, self._speaker.longest_silence), self._signals.waker)
            self._speaker.alive()
            self._keeper.memory.hear(events)
            if events and not self._failures:
                is_urgent = any(event.kind is EventKind.XID for event in events)
                due = clock.monotonic() if is_urgent else min(due, pace.earliest_look(began))
        return False

    def _backoff(self) -> float:
        return Pace(interval=self._orders.interval, origin=0.0).backoff(self._failures)

    def _reload(self) -> None:
        """Read profiles and node file again. Broken ones change nothing."""
        self._speaker.reloading()
        error = ""
        try:
            inputs = self._reader.read()
        except EsnodeError as broken:
            error = in_words(broken)
            message = f"The profiles were not read again, the old ones stay: {error}"
            self._view.tell(News(kind="reload_failed", message=message, grade=Grade.ERROR))
        else:
            self._inputs = inputs
            self._machine = self._machine.knowing(inputs.facts)
            self._keeper.know(self._machine)
            self._say_so()
            names = ", ".join(sorted(inputs.digests))
            self._view.tell(News(kind="reloaded", message=f"The profiles were read again: {names}"))
        self._speaker.reloaded(error)

    def _say_so(self) -> None:
        """Have the sign beside the state name the profiles. What cannot be written there is tried at every cycle."""
        try:
            self._say(self._inputs)
            self._is_said = True
        except StateUnwritable as failure:
            if self._is_said:
                self._view.tell(News(kind="warning", message=in_words(failure), grade=Grade.WARNING))
            self._is_said = False

    def _end(self) -> int:
        why = self._signals.stop.name if self._signals.stop else "told to"
        self._speaker.ending(why)
        if self._orders.restore_on_exit and not self._orders.dry_run:
            return self._give_back()
        message = f"Ending ({why}): settings stay as they are; esnode destroy plans to give them back"
        self._view.tell(News(kind="loop_ended", message=message))
        return 0

    def _give_back(self) -> int:
        self._signals.stop = None
        try:
            result = self._keeper.give_back()
            self._tally.did(result)
            is_whole = result.is_complete and not result.done.in_flight
            why = in_words(result.refused) if result.refused else "esnode state show lists what is left."
        except EsnodeError as failure:
            is_whole, why = False, in_words(failure)
        if is_whole:
            self._view.tell(News(kind="loop_ended", message="Ending: every managed setting was given back"))
            return 0
        message = f"Ending, and not everything was given back: {why}"
        self._view.tell(News(kind="loop_ended", message=message, grade=Grade.ERROR))
        return EXIT_INCOMPLETE

    def _send(self, messages: list[Notification]) -> list[Done]:
        return list(self._machine.hands(lambda sentence: None, lambda: False).send(messages))
