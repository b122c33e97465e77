"""The log of a control loop: for people on a terminal, JSON lines elsewhere, fields in systemd's journal.

A log that cannot be written, on a full disk or with nobody at its other end, is no reason to leave a machine alone in
the middle of a change: what is lost of it is lost.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from esnode.model.news import Grade, News
from esnode.model.plan import gpu_ranges
from esnode.records import replace
from esnode.views.jsonlines import emit, emit_version
from esnode.views.printable import plain_text
from esnode.views.text import paint_for, write

_STYLES: Final[Mapping[Grade, tuple[str, ...]]] = {
    Grade.DEBUG: ("dim",),
    Grade.INFO: (),
    Grade.WARNING: ("yellow",),
    Grade.ERROR: ("red",),
}
_PRIORITIES: Final[Mapping[Grade, str]] = {
    Grade.DEBUG: "7",
    Grade.INFO: "6",
    Grade.WARNING: "4",
    Grade.ERROR: "3",
}
"""syslog's (syslog(3))."""


class LoopView(Protocol):
    def begin(self, lines: Sequence[str]) -> None:
        """The first lines, when the loop has begun."""

    def tell(self, news: News) -> None: ...

    def settle(self) -> None:
        """Nothing more comes for now: what was kept back is told."""


class TextLoopView:
    """The first lines on standard output, news with its time on standard error, equal news of several GPUs in one."""

    def __init__(self, *, no_color: bool) -> None:
        self._paint = paint_for(sys.stderr, no_color=no_color)
        self._kept: list[News] = []

    def begin(self, lines: Sequence[str]) -> None:
        with contextlib.suppress(OSError):
            write("\n".join(plain_text(line) for line in lines))

    def tell(self, news: News) -> None:
        if self._kept and self._kept[0].same_as != news.same_as:
            self.settle()
        if news.same_as:
            self._kept.append(news)
        else:
            self._write(news)

    def settle(self) -> None:
        if len(self._kept) > 1:
            gpus = gpu_ranges(news.gpu_index for news in self._kept)
            self._write(replace(self._kept[0], message=f"{gpus}: {self._kept[0].same_as}"))
        elif self._kept:
            self._write(self._kept[0])
        self._kept = []

    def _write(self, news: News) -> None:
        time = datetime.now().astimezone().strftime("%H:%M:%S")
        mark = f"{news.grade.value}: " if news.grade in (Grade.WARNING, Grade.ERROR) else ""
        line = self._paint(plain_text(mark + news.message), *_STYLES[news.grade])
        with contextlib.suppress(OSError):
            write(f"{self._paint(time, 'dim')} {line}", sys.stderr)


class JsonLoopView:
    """JSON lines: on standard output with -json, else on standard error beside the first lines in words."""

    def __init__(self, *, is_everything: bool) -> None:
        self._is_everything = is_everything
        if is_everything:
            emit_version()

    def begin(self, lines: Sequence[str]) -> None:
        with contextlib.suppress(OSError):
            if not self._is_everything:
                write("\n".join(plain_text(line) for line in lines))
                return
            for line in lines:
                emit("loop_started", line)

    def tell(self, news: News) -> None:
        stream = sys.stdout if self._is_everything else sys.stderr
        with contextlib.suppress(OSError):
            emit(news.kind, news.message, level=news.grade.value, stream=stream, **news.fields)

    def settle(self) -> None:
        """Nothing was kept back."""


class JournalLoopView:
    """Entries with fields (ESNODE_KIND, ESNODE_...); what the journal does not take goes to standard error."""

    def __init__(self, send: Callable[[Mapping[str, str]], bool]) -> None:
        self._send = send

    def begin(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.tell(News(kind="loop_started", message=line))

    def tell(self, news: News) -> None:
        fields = {f"ESNODE_{name.upper()}": str(value) for name, value in news.fields.items()}
        entry = {
            "MESSAGE": plain_text(news.message),
            "PRIORITY": _PRIORITIES[news.grade],
            "SYSLOG_IDENTIFIER": "esnode",
            "ESNODE_KIND": news.kind,
            **fields,
        }
        if not self._send(entry):
            with contextlib.suppress(OSError):
                write(f"<{entry['PRIORITY']}>{entry['MESSAGE']}", sys.stderr)

    def settle(self) -> None:
        """Nothing was kept back."""
