"""One process on its way to its end: opened, checked once more, signalled, and what came of it in words.

Everything goes through a pidfd, which stands for this one process for ever: should it end between the check and the
signal, and its number be given out again, the signal reaches nobody (pidfd_open(2), Linux 5.3).
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Mapping
from typing import Final, Self

from esnode.errors import ProcessNotEnded
from esnode.host.processes import describe, is_same_start, is_uninterruptible
from esnode.model.processes import HostProcess
from esnode.model.readings import Missing, Reading
from esnode.model.settings import SettingValue
from esnode.model.writes import Done, Termination
from esnode.units import format_duration

KILL_SECONDS: Final = 10.0
"""How long a process may take to die of SIGKILL; one that hangs in a driver may take for ever."""

_PLAN_AGAIN: Final = "Plan again: another process may be the one that uses the most now."
_HUNG: Final = "Look into the kernel's log (dmesg) for NVRM and Xid; a driver that hangs needs a GPU reset or a reboot."


class Ending:
    """An order in progress. `done` is None until it is over. `clock` is in seconds and never goes back."""

    def __init__(self, order: Termination, clock: Callable[[], float]) -> None:
        self.order = order
        self.done: Done | None = None
        self.is_gone = False
        self._clock = clock
        self._began = clock()
        self._deadline = self._began
        self._note = ""
        self._handle = -1
        self._is_killed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        if self._handle >= 0:
            os.close(self._handle)

    @property
    def name(self) -> str:
        return f"{self.order.name} (PID {self.order.pid})"

    @property
    def is_waiting(self) -> bool:
        """It was signalled and lives, as far as was seen."""
        return self.done is None and not self.is_gone

    # -- to its end ------------------------------------------------------------------------------

    def begin(self, *, sees_host_pids: bool) -> None:
        """Open, check, SIGTERM. Afterwards it is waited for, gone, or done with an error and nothing signalled."""
        refusal = self._refusal(sees_host_pids) or self._open() or (None if self.is_gone else self._check())
        if refusal is not None:
            self._fail(refusal)
        elif not self.is_gone:
            self._signal(signal.SIGTERM)
            self._deadline = self._began + self.order.grace_seconds

    def look(self) -> None:
        """What has happened by now: gone, or its time is up and the next step is due."""
        now = self._clock()
        if self._has_ended():
            how = f"SIGKILL after its grace period of {format_duration(self.order.grace_seconds)}"
            how = how if self._is_killed else f"SIGTERM after {format_duration(now - self._began)}"
            self._is_over(f"ended by {how}")
        elif now >= self._deadline and self._is_killed:
            self._fail(self._undead())
        elif now >= self._deadline:
            self._is_killed = True
            self._deadline = now + KILL_SECONDS
            self._signal(signal.SIGKILL)

    def interrupt(self) -> None:
        """Nobody waits any longer. The process was asked to end and may still do so; it is not killed."""
        self._fail(
            ProcessNotEnded(
                f"{self.name} was told to end ({'SIGKILL' if self._is_killed else 'SIGTERM'}) and had not ended yet "
                "when esnode was interrupted",
                next_step=f"See whether it is there still: ps -p {self.order.pid}",
            )
        )

    def never_began(self) -> None:
        self._fail(ProcessNotEnded(f"{self.name} was not signalled: esnode was interrupted before"))

    # -- read back -------------------------------------------------------------------------------

    def settle(self, listed: Reading[bool], *, is_last: bool) -> None:
        """What the driver says of a process that is gone; it may take a moment to notice."""
        if listed is True and not is_last:
            return
        read_back: dict[str, SettingValue] = {"running": False}
        error, note = None, self._note
        if isinstance(listed, Missing):
            note = f"{note}; whether the GPU is rid of it is not known: {listed.in_words()}"
        else:
            read_back["on_gpu"] = listed
        if listed is True:
            error = ProcessNotEnded(
                f"{self.name} is gone ({self._note}), and the driver lists it on {self.order.uuid} still",
                detail="Its memory on the GPU may not be free.",
                next_step=_HUNG,
            )
        self._finish(error, note, read_back)

    # -- steps -----------------------------------------------------------------------------------

    def _refusal(self, sees_host_pids: bool) -> ProcessNotEnded | None:
        if self.order.pid <= 1:
            return self._refused("PID 1 is never ended" if self.order.pid == 1 else "that is no process")
        if sees_host_pids:
            return None
        return ProcessNotEnded(
            f"{self.name} was not signalled: esnode runs in a PID namespace of its own, where the number "
            f"{self.order.pid} is another process or none",
            next_step="Run esnode on the host, or with the host's PID namespace (hostPID: true).",
        )

    def _open(self) -> ProcessNotEnded | None:
        try:
            self._handle = os.pidfd_open(self.order.pid)
        except ProcessLookupError:
            self._is_over("had ended already")
        except OSError as failure:
            return self._refused(f"it cannot be opened: {failure.strerror}")
        return None

    def _check(self) -> ProcessNotEnded | None:
        """Who it is, asked after the opening: as long as the handle's process lives, the number is its own."""
        host = describe(self.order.pid)
        if self._has_ended():
            self._is_over("had ended already")
            return None
        if isinstance(host, Missing):
            return self._refused(f"who it is cannot be seen: {host.in_words()}")
        if not is_same_start(host.started, self.order.started):
            return self._recycled(host)
        if host.is_own:
            return self._refused("it is esnode itself or what it runs in")
        return self._refused("it is a thread of the kernel") if host.is_kernel_thread else None

    def _signal(self, number: signal.Signals) -> None:
        try:
            signal.pidfd_send_signal(self._handle, number)
        except ProcessLookupError:
            pass  # it ended this moment, which the next look will see
        except PermissionError:
            self._fail(self._not_permitted(number))

    def _has_ended(self) -> bool:
        """A pidfd can be read when its process has ended, collected by its parent or not."""
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(0))

    def _is_over(self, note: str) -> None:
        self.is_gone, self._note = True, note

    # -- in words --------------------------------------------------------------------------------

    def _refused(self, why: str) -> ProcessNotEnded:
        return ProcessNotEnded(f"{self.name} was not signalled: {why}", next_step=_PLAN_AGAIN)

    def _recycled(self, host: HostProcess) -> ProcessNotEnded:
        return ProcessNotEnded(
            f"{self.name} was not signalled: that number is another process now, {host.name}, started "
            f"{host.started_at:%Y-%m-%d %H:%M:%S} UTC",
            detail="The process that was meant has ended.",
            next_step=_PLAN_AGAIN,
        )

    def _not_permitted(self, number: signal.Signals) -> ProcessNotEnded:
        host = describe(self.order.pid)
        user = host.user if isinstance(host, HostProcess) else "another user"
        return ProcessNotEnded(
            f"{self.name} was not ended: {number.name} is not permitted, the process is {user}'s",
            next_step="Run esnode as root (sudo), or with CAP_KILL.",
        )

    def _undead(self) -> ProcessNotEnded:
        why = "lives"
        if is_uninterruptible(self.order.pid):
            why = "is in uninterruptible sleep (state D): the kernel does not come back from a call, often the driver's"
        return ProcessNotEnded(
            f"{self.name} did not die: {format_duration(KILL_SECONDS)} after SIGKILL it {why}",
            detail="It dies as soon as that call returns.",
            next_step=_HUNG,
        )

    def _fail(self, error: ProcessNotEnded) -> None:
        self._finish(error, "", {})

    def _finish(self, error: ProcessNotEnded | None, note: str, read_back: Mapping[str, SettingValue]) -> None:
        self.done = Done(error=error, note=note, read_back=read_back, seconds=self._clock() - self._began)
