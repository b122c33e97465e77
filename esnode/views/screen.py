"""The terminal as a place to draw frames on, and its keys. The only home of curses.

The standard library's: it knows terminals (terminfo), decodes keys, sends only the cells that changed and gives the
terminal back. `rich`, which draws as well, reads no keys, and a command of the core should need no extra.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from esnode.errors import TerminalUnusable
from esnode.views.spans import Line

if TYPE_CHECKING:
    import curses

_COLORS: Final = ("red", "green", "yellow", "cyan")
_NAMED: Final[Mapping[str, str]] = {
    "KEY_UP": "up",
    "KEY_DOWN": "down",
    "KEY_PPAGE": "page up",
    "KEY_NPAGE": "page down",
    "KEY_HOME": "home",
    "KEY_END": "end",
    "KEY_RESIZE": "resize",
}
_WAY_ON: Final = "esnode top -once prints one frame, on any terminal."


class Terminated(Exception):
    """SIGTERM or SIGHUP came: the terminal is given back, and the run ends."""


class Screen:
    """A full screen. `wakers` are open files that can be read when a key was pressed or the size has changed."""

    def __init__(self, window: curses.window, waker: int, *, colored: bool) -> None:
        self._window = window
        self._waker = waker
        self._styles = _styles(colored=colored)

    @property
    def wakers(self) -> tuple[int, int]:
        return sys.stdin.fileno(), self._waker

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        rows, columns = self._window.getmaxyx()
        return columns, rows

    def draw(self, lines: Sequence[Line]) -> None:
        """Show lines from the top; what was there before goes."""
        import curses

        self._window.erase()
        for row, shown in enumerate(lines[: self.size[1]]):
            # curses answers a write into the last cell, after which there is no place for the cursor, with an error.
            with contextlib.suppress(curses.error):
                self._window.move(row, 0)
                for span in shown:
                    self._window.addstr(_encodable(span.text, self._window.encoding), self._attribute(span.styles))
        self._window.refresh()

    def pressed(self) -> Iterator[str]:
        """What was pressed since, by name or as the character; `resize` once the size is another."""
        import curses

        with contextlib.suppress(BlockingIOError):
            if os.read(self._waker, 64):
                size = os.get_terminal_size(sys.stdout.fileno())
                if (size.columns, size.lines) != self.size:
                    curses.resizeterm(size.lines, size.columns)
                    self._window.clearok(True)
                    yield "resize"
        while True:
            try:
                key = self._window.get_wch()
            except curses.error:
                return
            if isinstance(key, str):
                yield key
            elif (name := _NAMED.get(curses.keyname(key).decode())) is not None:
                yield name

    def _attribute(self, styles: Sequence[str]) -> int:
        attribute = 0
        for style in styles:
            attribute |= self._styles.get(style, 0)
        return attribute


@contextlib.contextmanager
def full_screen(*, colored: bool) -> Iterator[Screen]:
    """A screen, and the terminal as it was afterwards: after an error, Ctrl-C, SIGTERM and SIGHUP, too.

    Raises TerminalUnusable where there is no curses, or it does not know the terminal.
    """
    try:
        import curses
    except ImportError:
        raise TerminalUnusable("This Python was built without curses", next_step=_WAY_ON) from None
    with _signals() as waker:
        try:
            window = curses.initscr()
        except curses.error as unknown:
            name = os.environ.get("TERM", "")
            raise TerminalUnusable(
                f'curses does not know the terminal "{name}": {unknown}', next_step=_WAY_ON
            ) from None
        try:
            yield Screen(_prepared(window), waker, colored=colored)
        finally:
            window.keypad(False)
            curses.nocbreak()
            curses.echo()
            curses.endwin()


def _prepared(window: curses.window) -> curses.window:
    import curses

    curses.noecho()
    curses.cbreak()
    window.keypad(True)
    window.nodelay(True)
    with contextlib.suppress(curses.error):
        curses.curs_set(0)
    # A lone Escape is nothing here, so nobody has to wait for what may follow it.
    curses.set_escdelay(25)
    return window


def _styles(*, colored: bool) -> dict[str, int]:
    import curses

    styles = {"bold": curses.A_BOLD, "dim": curses.A_DIM, "reverse": curses.A_REVERSE}
    if colored and curses.has_colors():
        curses.start_color()
        curses.use_default_colors()
        numbers = (curses.COLOR_RED, curses.COLOR_GREEN, curses.COLOR_YELLOW, curses.COLOR_CYAN)
        for pair, (name, number) in enumerate(zip(_COLORS, numbers, strict=True), 1):
            curses.init_pair(pair, number, -1)
            styles[name] = curses.color_pair(pair)
    return styles


def _encodable(text: str, encoding: str) -> str:
    return text.encode(encoding, "replace").decode(encoding)


@contextlib.contextmanager
def _signals() -> Iterator[int]:
    """Signals as exceptions, so that all is put back on the way out; and an open file that wakes at each of them."""

    def end(number: int, where: FrameType | None) -> None:
        raise Terminated

    ours: dict[int, Any] = {signal.SIGTERM: end, signal.SIGHUP: end, signal.SIGWINCH: lambda number, where: None}
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    before = {number: signal.signal(number, handler) for number, handler in ours.items()}
    waker = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield read
    finally:
        signal.set_wakeup_fd(waker)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def is_terminal() -> bool:
    """Whether there is somebody to look and to press keys."""
    return sys.stdout.isatty() and sys.stdin.isatty()
