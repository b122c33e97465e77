"""Where `esnode top` has its status from: the control loop on the state; where none answers, a look of our own."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Final, Self

from esnode import web
from esnode.errors import BadValue, EndpointFailed, EsnodeError
from esnode.model.loop_status import LoopStatus
from esnode.model.loops import Loop
from esnode.records import dataclass
from esnode.storage.loop_status import read_status
from esnode.storage.loops import living_loop
from esnode.wiring.machine import Machine
from esnode.wiring.own_look import Given, OwnLook
from esnode.workers.worker import Handlers

LOOP_INTERVAL: Final = 1.0
"""Seconds between two questions to a loop that serves its status: they cost it next to nothing."""

_LOOP_TIMEOUT: Final = 2.0
_ASK_AGAIN: Final = 10.0
"""Seconds after which a loop that did not answer is asked again."""

_EVERYWHERE: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - asked, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A status, what it cannot say itself, and after how many seconds to ask for the next."""

    status: LoopStatus
    remark: str
    pause: float


class Feed:
    """Asks the loop as long as one lives and answers. The machine is opened at the first own look, and not before."""

    def __init__(self, given: Given, opened: Callable[[], AbstractContextManager[Machine]]) -> None:
        self._given = given
        self._opened = opened
        self._stack = ExitStack()
        self._look: OwnLook | None = None
        self._silent_until = 0.0
        self._silence = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def see(self) -> Seen:
        """The newest status. Raises EsnodeError where there has not been one yet and nothing can be read."""
        loop = living_loop(self._given.state_path)
        status = self._ask(loop) if loop else None
        if status:
            self._stack.close()
            self._look = None
            return Seen(status=status, remark="", pause=self._given.interval or LOOP_INTERVAL)
        if self._look is None:
            self._look = OwnLook(self._stack.enter_context(self._opened()), self._given)
        return Seen(status=self._look.status(), remark=self._remark(loop), pause=self._given.looks_every)

    def _ask(self, loop: Loop) -> LoopStatus | None:
        if not loop.listen or time.monotonic() < self._silent_until:
            return None
        try:
            return ask_loop(loop)
        except EsnodeError as failure:
            self._silence = failure.summary
            self._silent_until = time.monotonic() + _ASK_AGAIN
            return None

    def _remark(self, loop: Loop | None) -> str:
        if loop is None:
            return ""
        who = f"A loop by {loop.user} (PID {loop.pid}) keeps the state"
        if not loop.listen:
            return f"{who}, without -listen: this is a look of its own"
        return f"{who} and does not answer: {self._silence}"


def ask_loop(loop: Loop) -> LoopStatus:
    """What a loop says of itself. Raises EndpointFailed, also where somebody else answers."""
    url = f"http://{_reachable(loop.listen)}/status"
    try:
        status = read_status(web.fetch_json(url, timeout=_LOOP_TIMEOUT, direct=True))
    except BadValue as wrong:
        raise EndpointFailed(f"{url} did not answer with a status: {wrong.summary}", status=200) from None
    if loop.pid and status.pid != loop.pid:
        raise EndpointFailed(f"{url} is another loop's (PID {status.pid})", status=200)
    return status


def _reachable(listen: str) -> str:
    """HOST:PORT to connect to: a loop that listens everywhere is asked on the loopback."""
    host, _, port = listen.rpartition(":")
    return f"{_EVERYWHERE.get(host, host)}:{port}"


@contextlib.contextmanager
def handlers(given: Given, opened: Callable[[], AbstractContextManager[Machine]]) -> Iterator[Handlers]:
    """What a child process that looks answers: `see`, a Seen or the error there was instead."""
    # The terminal's size is the parent's business, and so is the open file that wakes it.
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGWINCH, signal.SIG_DFL)
    with Feed(given, opened) as feed:

        def see() -> Seen | Exception:
            try:
                return feed.see()
            except Exception as failure:
                return failure

        yield {"see": see}
