"""What takes long says so: on a terminal's standard error, after a second, and gone when it is done.

There is no thread behind it, because esnode forks: a timer's signal interrupts whatever is waited for, for a moment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

from esnode.views.printable import one_line

AFTER = 1.0
"""Seconds of silence first: what is faster needs no word."""

EVERY = 0.5
_LONGEST = 60
"""Characters, so that it fits on one line of any terminal."""

_shown = 0
"""How many characters stand on the terminal's line now."""


@contextlib.contextmanager
def progress(what: str, *, as_json: bool = False) -> Iterator[None]:
    """Show `what` and the seconds that it takes. Silent with JSON, where standard error is no terminal, and inside
    another progress."""
    if as_json or not _can_show():
        yield
        return
    started = time.monotonic()
    words = one_line(what)[:_LONGEST]

    def tell(number: int, frame: FrameType | None) -> None:
        _replace(f"{words}... {time.monotonic() - started:.0f}s")

    signal.signal(signal.SIGALRM, tell)
    signal.setitimer(signal.ITIMER_REAL, AFTER, EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        clear()


def clear() -> None:
    """Take away what stands there: something else is about to be printed."""
    if _shown:
        _replace("")


def _can_show() -> bool:
    is_free = signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    return is_free and threading.current_thread() is threading.main_thread() and sys.stderr.isatty()


def _replace(text: str) -> None:
    """Past Python's buffers: a signal may come in the middle of a write to them."""
    global _shown
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), f"\r{' ' * _shown}\r{text}".encode("utf-8", "backslashreplace"))
    _shown = len(text)
