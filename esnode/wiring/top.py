"""What `esnode top` does with what it was given: a full screen, one frame, or JSON lines."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from esnode.errors import EXIT_TERMINATED
from esnode.records import dataclass
from esnode.storage.loop_status import status_document
from esnode.views.jsonlines import emit
from esnode.views.screen import Terminated, full_screen, is_terminal
from esnode.views.spans import painted
from esnode.views.text import WIDTH, paint_for, write
from esnode.views.top import Window, frame
from esnode.wiring.feed import Feed, Seen, handlers
from esnode.wiring.live import Live, Looker
from esnode.wiring.machine import Machine
from esnode.wiring.own_look import Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How it is shown. `timeout` is in seconds, what the driver has for an answer."""

    once: bool
    as_json: bool
    no_color: bool
    timeout: float


def watch(given: Given, opened: Callable[[], AbstractContextManager[Machine]], manner: Manner) -> int:
    """Show how the machine is until a person ends it; once where nobody watches. The exit code."""
    if manner.as_json:
        return _lines(given, opened, once=manner.once)
    if manner.once or not is_terminal():
        with Feed(given, opened) as feed:
            _print(feed.see(), no_color=manner.no_color)
        return 0
    # A look asks the driver more than once, and each question has its own time.
    looker = Looker(lambda: handlers(given, opened), patience=3 * manner.timeout + 10)
    try:
        seen = looker.first()
        with full_screen(colored=not (manner.no_color or os.environ.get("NO_COLOR"))) as screen:
            Live(seen, screen).run(looker)
    except Terminated:
        return EXIT_TERMINATED
    finally:
        looker.worker.close()
    return 0


def _lines(given: Given, opened: Callable[[], AbstractContextManager[Machine]], *, once: bool) -> int:
    with Feed(given, opened) as feed:
        while True:
            began = time.monotonic()
            seen = feed.see()
            emit("loop_status", seen.remark or f"How {seen.status.host} is", **status_document(seen.status))
            if once:
                return 0
            time.sleep(max(0.0, began + seen.pause - time.monotonic()))


def _print(seen: Seen, *, no_color: bool) -> None:
    width = shutil.get_terminal_size((WIDTH, 0)).columns
    paint = paint_for(sys.stdout, no_color=no_color)
    lines = frame(seen.status, Window(width=width, remark=seen.remark), datetime.now(UTC))
    write("\n".join(painted(one, paint) for one in lines))
