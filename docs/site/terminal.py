"""A command in a terminal of its own, and a picture of what was on the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyte

PATIENCE = 30.0
"""Seconds for a command to end, or to show what is waited for."""

CELL, ROW, MARGIN, BAR = 8.4, 19, 14, 34
"""Pixels: width of a character, height of a line, the margin, the title bar."""

COLORS = {"red": "#ff7b72", "green": "#7ee787", "brown": "#e3b341", "cyan": "#76e3ea", "default": "#d6dde6"}
BACKGROUND = "#161b22"


def run(
    words: Sequence[str], *, folder: Path, env: Mapping[str, str], columns: int, rows: int, until: str = ""
) -> pyte.Screen:
    """The screen after the command ended or, with `until`, as soon as that text is on it; the command is then ended."""
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.chdir(folder)
        size = {"COLUMNS": f"{columns}", "LINES": f"{rows}", "TERM": "xterm-256color"}
        os.execvpe(words[0], list(words), {**os.environ, **size, **env})
    deadline = time.monotonic() + PATIENCE
    try:
        for data in _output(terminal, deadline):
            stream.feed(data)
            if until and until in "\n".join(screen.display):
                os.kill(child, signal.SIGKILL)
                break
        else:
            if until:
                raise TimeoutError(f"{until!r} never was on the screen:\n" + "\n".join(screen.display))
    finally:
        os.close(terminal)
        os.waitpid(child, 0)
    return screen


def _output(terminal: int, deadline: float) -> Iterator[bytes]:
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:
            return
        if not data:
            return
        yield data


def picture(title: str, screen: pyte.Screen) -> str:
    """The screen as SVG with text that can be selected and read aloud, in whatever monospaced font there is."""
    used = max((number for number, line in enumerate(screen.display, 1) if line.strip()), default=1)
    width, height = screen.columns * CELL + 2 * MARGIN, used * ROW + BAR + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>{escape(title)}</title>",
        "<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
        f"fill:{COLORS['default']};white-space:pre}}.b{{font-weight:bold}}"
        + "".join(f".{name}{{fill:{color}}}" for name, color in COLORS.items() if name != "default")
        + f".reverse{{fill:{BACKGROUND}}}.title{{fill:#8b949e}}</style>",
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
        *(f'<circle cx="{18 + 16 * n}" cy="17" r="5" fill="#484f58"/>' for n in range(3)),
        f'<text class="title" x="74" y="22">{escape(title)}</text>',
    ]
    for row in range(used):
        parts += _row(screen, row)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(screen: pyte.Screen, row: int) -> Iterator[str]:
    y = BAR + row * ROW + 14
    cells = [(column, screen.buffer[row][column]) for column in range(screen.columns)]
    for style, group in groupby(cells, key=lambda item: _style(item[1])):
        run = list(group)
        text = "".join(cell.data for _, cell in run)
        x, length = MARGIN + run[0][0] * CELL, len(run) * CELL
        if "reverse" in style:
            yield f'<rect x="{x:.1f}" y="{y - 14}" width="{length:.1f}" height="{ROW}" fill="{COLORS["default"]}"/>'
        text = text if "reverse" in style else text.rstrip()
        if text.strip():
            length = len(text) * CELL
            names = f' class="{style}"' if style else ""
            yield f'<text{names} x="{x:.1f}" y="{y}" textLength="{length:.1f}">{escape(text)}</text>'


def _style(cell: Any) -> str:
    names = ["b"] if cell.bold else []
    if cell.reverse:
        names.append("reverse")
    elif cell.fg in COLORS and cell.fg != "default":
        names.append(cell.fg)
    return " ".join(names)
