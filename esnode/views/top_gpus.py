"""The GPUs of `esnode top`, a row each: readings against what policies allow, limits, locks, holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from esnode.model.loop_status import LoopStatus
from esnode.model.metrics import metric
from esnode.model.plan import PlannedGpu, gpu_address
from esnode.model.readings import NOT_READ, Missing, Reading
from esnode.model.settings import GRAPHICS_CLOCK, POWER_LIMIT, ClockRange
from esnode.model.state import SETTINGS_OWNER
from esnode.model.verdict import Status, Verdict
from esnode.units import format_number
from esnode.views.plan_text import STATUS_STYLES
from esnode.views.spans import Line, Span, joined, line
from esnode.views.top_table import Column, Draw, table

URGENCY: Mapping[Status, int] = {
    status: place
    for place, status in enumerate(
        (
            Status.ACTIVE,
            Status.PENDING,
            Status.HOLDING,
            Status.RELEASING,
            Status.MONITORING,
            Status.UNKNOWN,
            Status.SKIPPED,
        )
    )
}
"""Verdicts by how much a person who watches wants to see them."""

_CALM = (Status.SKIPPED, Status.UNKNOWN)
_BAR = (6, 40)
_LIMIT = re.compile(r"\s*([<>=!]+)\s*(-?[\d.]+)")


class Order(StrEnum):
    """What GPUs are sorted by; the hottest and the hungriest come first."""

    INDEX = "index"
    TEMP = "temp"
    POWER = "power"


def sorted_gpus(status: LoopStatus, order: Order) -> list[PlannedGpu]:
    gpus = list(status.plan.gpus) if status.plan else []
    match order:
        case Order.TEMP:
            key = "gpu_temp_celsius"
        case Order.POWER:
            key = "gpu_power_watts"
        case _:
            return sorted(gpus, key=lambda gpu: gpu.identity.index)
    return sorted(gpus, key=lambda gpu: (-(_number(_metric(gpu, key)) or 0.0), gpu.identity.index))


def gpu_table(status: LoopStatus, order: Order, width: int) -> tuple[Line, list[Line]]:
    """The titles, and a row for each GPU; one that could not be read says why."""
    gpus = sorted_gpus(status, order)
    readable = [gpu for gpu in gpus if gpu.failure is None]
    verdicts = {gpu.identity.uuid: _verdicts_of(status, gpu.identity.uuid) for gpu in readable}
    titles, rows = table(_columns(status, readable, verdicts, width), width)
    drawn = dict(zip((gpu.identity.uuid for gpu in readable), rows, strict=True)) if rows else {}
    return titles, [drawn.get(gpu.identity.uuid) or _unreadable(gpu) for gpu in gpus]


def _columns(
    status: LoopStatus, gpus: Sequence[PlannedGpu], verdicts: Mapping[str, Sequence[Verdict]], width: int
) -> list[Column]:
    locks, holds = _locks(status), _holders(status, verdicts)
    models = [gpu.identity.name if width >= 140 else gpu.identity.model for gpu in gpus]

    def measured(name: str) -> list[Line]:
        return [line(_shown(name, gpu), *_styles(verdicts[gpu.identity.uuid], name)) for gpu in gpus]

    def limits(name: str) -> list[Line]:
        return [line(_nearest(verdicts[gpu.identity.uuid], name), "dim") for gpu in gpus]

    temps = [
        joined(pair) for pair in zip(_aligned(measured("gpu_temp_celsius")), limits("gpu_temp_celsius"), strict=True)
    ]
    return [
        Column(title="GPU", keep=99, to_right=True, rows=[line(str(gpu.identity.index), "bold") for gpu in gpus]),
        Column(title="MODEL", keep=40, rows=[line(model) for model in models]),
        Column(title="TEMP", keep=98, rows=temps),
        Column(title="UTIL", keep=96, to_right=True, rows=measured("gpu_utilization")),
        Column(title="MEM", keep=25, to_right=True, rows=measured("memory_allocated_percent")),
        Column(title="HBM", keep=20, to_right=True, rows=_unless_all_missing(measured("gpu_memory_temp_celsius"))),
        Column(title="POWER", keep=97, to_right=True, rows=[_power(gpu, verdicts[gpu.identity.uuid]) for gpu in gpus]),
        Column(title="OF LIMIT", keep=50, width=_BAR[0], widest=_bar_width(width), rows=[_bar(gpu) for gpu in gpus]),
        Column(title="SM MHz", keep=60, to_right=True, rows=_bare(measured("gpu_sm_clock_mhz"), "MHz")),
        Column(
            title="LOCK", keep=70, to_right=True, rows=[locks.get(gpu.identity.uuid, line("-", "dim")) for gpu in gpus]
        ),
        Column(
            title="HELD BY",
            keep=80,
            least=12,
            widest=width,
            rows=[holds.get(gpu.identity.uuid, line("-", "dim")) for gpu in gpus],
        ),
    ]


def _bar_width(width: int) -> int:
    return max(8, min(_BAR[1], 8 + (width - 80) // 4))


def _unreadable(gpu: PlannedGpu) -> Line:
    why = gpu.failure.in_words() if gpu.failure else ""
    return joined(
        [line(f"{gpu.identity.index:>3}", "bold"), line(gpu.identity.model), line(f"not readable: {why}", "red")]
    )


def _aligned(rows: Sequence[Line]) -> list[Line]:
    widest = max((len(row[0].text) for row in rows if row), default=0)
    return [(Span(" " * (widest - len(row[0].text))), *row) if row else row for row in rows]


def _unless_all_missing(rows: list[Line]) -> list[Line]:
    return rows if any(row[0].text != "-" for row in rows) else []


def _bare(rows: Iterable[Line], unit: str) -> list[Line]:
    return [tuple(Span(span.text.removesuffix(unit), span.styles) for span in row) for row in rows]


def _metric(gpu: PlannedGpu, name: str) -> Reading[float]:
    return gpu.failure or gpu.metrics.get(name, NOT_READ)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _shown(name: str, gpu: PlannedGpu) -> str:
    value = _metric(gpu, name)
    return "-" if isinstance(value, Missing) else metric(name).show(round(value))


# -- against policies --------------------------------------------------------------------------


def _verdicts_of(status: LoopStatus, uuid: str) -> list[Verdict]:
    return [verdict for verdict in status.plan.verdicts if verdict.gpu == uuid] if status.plan else []


def _styles(verdicts: Iterable[Verdict], target: str) -> tuple[str, ...]:
    """The colour of the most urgent verdict on a metric, if any is."""
    on = sorted((verdict.status for verdict in verdicts if verdict.target == target), key=URGENCY.__getitem__)
    return STATUS_STYLES[on[0]] if on and on[0] not in _CALM else ()


def _nearest(verdicts: Iterable[Verdict], target: str) -> str:
    """`>83`: the limit that the value is nearest to, or furthest beyond."""
    limits = []
    for verdict in verdicts:
        found = _LIMIT.match(verdict.limit) if verdict.target == target else None
        value = _number(verdict.value)
        if found and value is not None:
            limits.append((abs(value - float(found[2])), f"{found[1]}{found[2]}"))
    return min(limits)[1] if limits else ""


# -- settings and holds ------------------------------------------------------------------------


def _power(gpu: PlannedGpu, verdicts: Sequence[Verdict]) -> Line:
    draw, limit = _number(_metric(gpu, "gpu_power_watts")), _number(gpu.settings.get(POWER_LIMIT))
    used = "-" if draw is None else format_number(round(draw))
    most = "-" if limit is None else format_number(round(limit))
    return (*line(used, *_styles(verdicts, "gpu_power_watts")), *line(f"/{most}W"))


def _bar(gpu: PlannedGpu) -> Draw:
    draw, limit = _number(_metric(gpu, "gpu_power_watts")), _number(gpu.settings.get(POWER_LIMIT))
    share = min(1.0, draw / limit) if draw is not None and limit else 0.0

    def drawn(width: int) -> Line:
        full = round(share * width)
        return (Span("█" * full, ("green",)), Span("░" * (width - full), ("dim",)))

    return drawn


def _locks(status: LoopStatus) -> dict[str, Line]:
    """By UUID: the clock that esnode locks a GPU to, red where the clocks speak against it."""
    drifted = {(drift.gpu.uuid, name) for drift in status.plan.drift for name in drift.before} if status.plan else set()
    uuids = {gpu_address(gpu.identity.uuid): gpu.identity.uuid for gpu in status.plan.gpus} if status.plan else {}
    found = {}
    for value in status.managed:
        uuid = uuids.get(value.address, "")
        if value.setting == GRAPHICS_CLOCK and isinstance(value.applied, ClockRange):
            found[uuid] = line(str(value.applied), "red" if (uuid, GRAPHICS_CLOCK) in drifted else "cyan")
    return found


def _holders(status: LoopStatus, verdicts: Mapping[str, Sequence[Verdict]]) -> dict[str, Line]:
    """By UUID: the policies whose effect is in force. A loop that may act does what is ACTIVE in the same cycle."""
    acts = bool(status.pid) and not status.is_dry_run
    held = {Status.HOLDING, Status.RELEASING, *((Status.ACTIVE,) if acts else ())}
    owned = {(value.address, value.profile, value.policy) for value in status.managed if value.policy != SETTINGS_OWNER}
    found = {}
    for uuid, here in verdicts.items():
        holders = [
            line(verdict.policy, *STATUS_STYLES[verdict.status])
            for verdict in sorted(here, key=lambda verdict: URGENCY[verdict.status])
            if verdict.status in held or (gpu_address(uuid), verdict.profile, verdict.policy) in owned
        ]
        if holders:
            found[uuid] = joined(holders, ", ")
    return found
