"""One frame of `esnode top`: a control loop's status in so many columns and rows.

A pure function; who draws it owns the terminal. The header and what is wrong come first, then GPUs, verdicts, settings,
changes and warnings. Where there are too few rows, each keeps its first ones and says how many are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from esnode.model.loop_status import LoopStatus
from esnode.model.readings import Missing
from esnode.records import dataclass
from esnode.units import format_duration, format_number
from esnode.views.folding import fold
from esnode.views.spans import Line, Span, cut, joined, line, spread, styled, text_of
from esnode.views.text import counted
from esnode.views.top_gpus import Order, gpu_table
from esnode.views.top_sections import (
    Section,
    change_section,
    setting_section,
    verdict_section,
    warning_section,
)

_MOST = (1000, 1000, 1000, 10, 4)
_FIRST = (4, 3, 2, 3, 0)
"""Rows of GPUs, verdicts, settings, changes and warnings: at most, and before the next gets any."""

_NOTHING = {True: "The first cycle of the control loop has not ended yet.", False: "No GPU was found."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How it is looked at. `height` None is as many rows as it takes, and no keys; so many GPUs as `offset` are above.

    `remark` is what the status itself cannot say, such as why the loop was not asked.
    """

    width: int
    height: int | None = None
    order: Order = Order.INDEX
    offset: int = 0
    is_paused: bool = False
    remark: str = ""


def frame(status: LoopStatus, window: Window, now: datetime) -> list[Line]:
    """At most `height` lines of at most `width` cells. `now` is the time of day, not a simulated machine's."""
    width = window.width
    head = [*_header(status, window, now), *_alarms(status, window, now)]
    foot = [_keys(window)] if window.height is not None else []
    sections = _sections(status, window)
    room = None if window.height is None else max(0, window.height - len(head) - len(foot))
    counts = _shares([len(section.lines) for section in sections], room)
    body = _body(sections, counts, window, room) or [(), line(_NOTHING[status.plan is None])]
    if window.height is None:
        return [cut(one, width) for one in (*head, *body)]
    shown = [*head, *body][: max(0, window.height - len(foot))]
    blank: list[Line] = [()] * max(0, window.height - len(shown) - len(foot))
    return [cut(one, width) for one in (*shown, *blank, *foot)][: window.height]


def rows_for_gpus(status: LoopStatus, window: Window, now: datetime) -> int:
    """How many GPUs are seen at once: what scrolling goes by."""
    head = [*_header(status, window, now), *_alarms(status, window, now)]
    room = None if window.height is None else max(0, window.height - len(head) - 1)
    return _shares([len(section.lines) for section in _sections(status, window)], room)[0]


# -- the top -----------------------------------------------------------------------------------


def _header(status: LoopStatus, window: Window, now: datetime) -> Iterator[Line]:
    gpus = status.plan.gpus if status.plan else ()
    models = ", ".join(
        f"{len(group)}x {group[0].identity.model}" for group in fold(gpus, lambda gpu: gpu.identity.model)
    )
    draws = [watts for gpu in gpus if not isinstance(watts := gpu.metrics.get("gpu_power_watts"), Missing | None)]
    age = max(0.0, (now - status.at).total_seconds())
    left = joined(
        [
            line(status.host, "bold"),
            line(models),
            line(f"{format_number(round(sum(draws)))} W" if draws else ""),
            line("SIMULATED", "bold", "yellow") if status.is_simulated else (),
            line("DRY RUN", "bold", "cyan") if status.is_dry_run else (),
            line("PAUSED", "bold", "yellow") if window.is_paused else (),
        ],
        "  ",
    )
    stale = age > max(status.patience, 5.0)
    ago = "now" if age < 1 else f"{format_duration(round(age))} ago"
    cycle = f"cycle {format_duration(status.last_cycle_seconds)}" if status.last_cycle_seconds else ""
    yield spread(
        left, joined([line(cycle, "dim"), line(ago, *(("bold", "red") if stale else ("dim",)))], "  "), window.width
    )
    profiles = ", ".join(f"{profile.name} {profile.version}" for profile in status.profiles) or "no profile"
    warned = counted(len(status.plan.diagnostics), "warning") if status.plan and status.plan.diagnostics else ""
    clock = f"{status.plan.timestamp:%H:%M:%S} UTC" if status.plan else ""
    yield spread(
        joined([_who(status), line(profiles)], "  "),
        joined([line(warned, "yellow"), line(clock, "dim")], "  "),
        window.width,
    )


def _who(status: LoopStatus) -> Line:
    every = f"every {format_duration(status.interval)}"
    if not status.pid:
        return joined([line("no loop", "bold"), line(f"looking {every}")], ", ")
    return joined([line("loop", "bold"), line(f"PID {status.pid} by {status.user}, {every}")])


def _alarms(status: LoopStatus, window: Window, now: datetime) -> Iterator[Line]:
    """What is wrong, and what waits for a person."""
    age = (now - status.at).total_seconds()
    if window.remark:
        yield line(window.remark, "yellow")
    if age > max(status.patience, 5.0) and not window.is_paused:
        yield line(f"STALE: nothing new for {format_duration(round(age))}", "bold", "red")
    if status.failure:
        times = f" {status.consecutive_failures} times" if status.consecutive_failures > 1 else ""
        pause = f" Next try in {format_duration(status.next_pause)}." if status.next_pause else ""
        yield line(f"FAILED{times}: {status.failure.removesuffix('.')}.{pause}", "bold", "red")
    if status.reload.error:
        yield line(f"RELOAD FAILED, the old profiles stay: {status.reload.error}", "bold", "red")
    if status.plan and status.plan.in_flight:
        yield line("IN FLIGHT: an apply is under way, or was interrupted", "bold", "yellow")
    if status.pending:
        yield _approval(status)


def _approval(status: LoopStatus) -> Line:
    pending = status.pending
    if pending is None:
        return ()
    what = counted(len(pending.addresses), "change")
    return joined(
        [
            line(f"{what} to approve:", "bold", "yellow"),
            line(f"esnode apply {pending.path}"),
            line(pending.digest[:12], "dim"),
        ]
    )


# -- the body ----------------------------------------------------------------------------------


def _sections(status: LoopStatus, window: Window) -> list[Section]:
    width = window.width
    return [
        Section("GPU", *gpu_table(status, window.order, width)),
        verdict_section(status, width),
        setting_section(status, width),
        change_section(status, width),
        warning_section(status, width),
    ]


def _shares(wanted: Sequence[int], room: int | None) -> list[int]:
    """How many rows each section shows. The first to ask is the first to be given, each a few before any has all."""
    most = [min(count, limit) for count, limit in zip(wanted, _MOST, strict=True)]
    if room is None:
        return most
    given = [0] * len(most)
    for goal in ([min(few, count) for few, count in zip(_FIRST, most, strict=True)], most):
        for place, count in enumerate(goal):
            title = 0 if given[place] else 1
            more = min(count - given[place], room - title)
            if more > 0:
                given[place] += more
                room -= more + title
    return given


def _body(sections: Sequence[Section], counts: Sequence[int], window: Window, room: int | None) -> list[Line]:
    shown = [(section, count) for section, count in zip(sections, counts, strict=True) if count]
    spare = (room - sum(count + 1 for _, count in shown)) if room is not None else len(shown)
    gaps = spare >= len(shown)
    lines: list[Line] = []
    for section, count in shown:
        offset = min(window.offset, len(section.lines) - count) if section.name == "GPU" else 0
        lines += [()] if gaps else []
        lines.append(_title(section, offset, count, window.width))
        lines += section.lines[offset : offset + count]
    return lines


def _title(section: Section, offset: int, count: int, width: int) -> Line:
    """The titles as a bar; at its end which of the lines are seen, where that is not all."""
    total = len(section.lines)
    part = f"{offset + 1}-{offset + count} of {total} " if count < total else ""
    titles, room = text_of(section.titles).rstrip(), max(0, width - len(part) - 1)
    if part and len(titles) > room:
        titles = titles[: room + 1].rpartition(" ")[0]
    titles = titles.ljust(width - len(part))
    return cut((Span(titles + part, ("reverse",)),), width)


def _keys(window: Window) -> Line:
    keys = [
        ("q", "quit"),
        ("p", "go on" if window.is_paused else "pause"),
        ("s", f"sort: {window.order}"),
        ("↑↓", "scroll"),
        ("?", "help"),
    ]
    return joined([joined([line(key, "bold"), line(word, "dim")]) for key, word in keys], "  ")


HELP = """\
q, Ctrl-C     quit
p, space      pause, and go on
s             sort GPUs by index, by temperature, by power
↑ ↓, j k      scroll the GPUs; PgUp, PgDn a page, Home, End
?, h          this page

TEMP          with the limit that it is nearest to: 84C >83
OF LIMIT      power draw as a share of the power limit
LOCK          the clock that esnode locks the GPU to, in MHz
HELD BY       policies whose effect is in force

ACTIVE        the condition is true for its duration
PENDING       it is true, its duration is not over
HOLDING       the effect stays in force
RELEASING     the effect is being given back
MONITORING    within 10 % of the limit
UNKNOWN       the metric is missing
SKIPPED       nothing to do"""


def help_page(window: Window) -> list[Line]:
    """What keys do and words mean."""
    text = [line("esnode top", "bold"), (), *(line(row) for row in HELP.split("\n"))]
    height = window.height or len(text)
    shown = text[: max(0, height - 1)]
    blank: list[Line] = [()] * (height - 1 - len(shown))
    return [cut(row, window.width) for row in (*shown, *blank, styled(line("any key goes back"), "dim"))]
