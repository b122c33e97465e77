"""Signals of a control loop: remembered when they come, acted on between two changes; each wakes whoever waits."""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType, TracebackType
from typing import Any, Final, Self

_ENDS: Final = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """`with Signals() as signals:`. SIGTERM or Ctrl-C once asks to stop, twice stops at once (KeyboardInterrupt)."""

    def __init__(self) -> None:
        self.stop: signal.Signals | None = None
        self._reload = False
        self._before: dict[int, Any] = {}
        self._waker = self._alarm = -1

    def __enter__(self) -> Self:
        self._waker, self._alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._alarm, warn_on_full_buffer=False)
        for number in (*_ENDS, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        os.close(self._waker)
        os.close(self._alarm)

    @property
    def waker(self) -> int:
        """An open file that can be read when a signal came."""
        return self._waker

    def should_stop(self) -> bool:
        return self.stop is not None

    def take_reload(self) -> bool:
        """Whether SIGHUP came since the last look. Nothing is left to wake anybody."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._waker, 512):
                pass
        asked, self._reload = self._reload, False
        return asked

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload = True
            return
        if self.stop is not None:
            raise KeyboardInterrupt
        self.stop = signal.Signals(number)
