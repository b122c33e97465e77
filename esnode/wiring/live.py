"""`esnode top` on a terminal: keys and frames here, looks in a child process, so that no driver holds up a key."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from esnode.errors import DriverTimeout
from esnode.records import replace
from esnode.views.screen import Screen
from esnode.views.top import Window, frame, help_page, rows_for_gpus
from esnode.views.top_gpus import Order
from esnode.wiring.feed import Seen
from esnode.workers.worker import NoAnswer, Serve, Worker

_TICK: Final = 1.0
"""Seconds after which a frame is drawn anyhow: its age is part of it."""

_AFTER_DEATH: Final = 1.0
"""Seconds after which a looking process that died is replaced."""

_ORDERS: Final = tuple(Order)


class Looker:
    """A child process that sees. One that is silent for `patience` seconds is replaced."""

    def __init__(self, serve: Serve, *, patience: float) -> None:
        self.worker = Worker(serve, timeout=patience)
        self._patience = patience
        self._asked_at: float | None = None
        self._due = 0.0

    def first(self) -> Seen:
        """The first look, waited for. Raises what it raised."""
        try:
            answer = self.worker.ask("see")
        except NoAnswer as silence:
            raise DriverTimeout(f"The first look did not end: {silence}", call="see", code=0) from None
        return self._seen(answer)

    def wait(self, seconds: float, *wakers: int) -> Seen | None:
        """The next look, when it has ended within so many seconds and before a waker; asks for it when it is time."""
        now = time.monotonic()
        if self._asked_at is None and now >= self._due:
            self._ask(now)
        elif self._asked_at is not None and now - self._asked_at > self._patience:
            self.worker.close()
            self._ask(now)
        until_due = seconds if self._asked_at is not None else max(0.0, self._due - now)
        answers = self.worker.wait(min(seconds, until_due), *wakers)
        if not (answers or self.worker.has_child):
            self._asked_at, self._due = None, time.monotonic() + _AFTER_DEATH
        return self._seen(answers[-1]) if answers else None

    def _ask(self, now: float) -> None:
        self._asked_at = None
        try:
            self.worker.post("see")
            self._asked_at = now
        except NoAnswer:
            self._due = now + _AFTER_DEATH

    def _seen(self, answer: object) -> Seen:
        began = self._asked_at if self._asked_at is not None else time.monotonic()
        self._asked_at = None
        if isinstance(answer, Exception):
            raise answer
        if not isinstance(answer, Seen):
            raise RuntimeError(f"the looking process answered {answer!r}")
        self._due = began + answer.pause
        return answer


class Live:
    """What is on the screen, and what keys make of it."""

    def __init__(self, seen: Seen, screen: Screen, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._screen = screen
        self._now = now
        self._seen = self._newest = seen
        self._window = Window(width=80, height=24)
        self._shows_help = False

    def run(self, looker: Looker) -> None:
        """Until q is pressed."""
        while True:
            self._draw()
            news = looker.wait(_TICK, *self._screen.wakers)
            self.take(news)
            for key in self._screen.pressed():
                if not self.press(key):
                    return

    def take(self, news: Seen | None) -> None:
        """A new look; while the view is paused, it is kept for later."""
        self._newest = news or self._newest
        if not self._window.is_paused:
            self._seen = self._newest

    def press(self, key: str) -> bool:
        """What a key does. False when that is to quit."""
        if key in ("q", "Q"):
            return False
        if self._shows_help or key in ("?", "h"):
            self._shows_help = not self._shows_help if key != "resize" else self._shows_help
            return True
        match key:
            case "p" | " ":
                self._window = replace(self._window, is_paused=not self._window.is_paused)
                self.take(None)
            case "s":
                following = _ORDERS[(_ORDERS.index(self._window.order) + 1) % len(_ORDERS)]
                self._window = replace(self._window, order=following, offset=0)
            case _:
                self._scroll(key)
        return True

    def _scroll(self, key: str) -> None:
        status, window = self._seen.status, self._sized()
        count = len(status.plan.gpus) if status.plan else 0
        page = max(1, rows_for_gpus(status, window, self._now()))
        steps = {
            "down": 1,
            "j": 1,
            "up": -1,
            "k": -1,
            "page down": page,
            "page up": -page,
            "home": -count,
            "end": count,
        }
        offset = window.offset + steps.get(key, 0)
        self._window = replace(window, offset=max(0, min(offset, count - page)))

    def _sized(self) -> Window:
        columns, rows = self._screen.size
        return replace(self._window, width=columns, height=rows, remark=self._seen.remark)

    def _draw(self) -> None:
        window = self._sized()
        self._screen.draw(help_page(window) if self._shows_help else frame(self._seen.status, window, self._now()))
