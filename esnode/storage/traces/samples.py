"""Samples as they are found in recordings, put together to a Trace."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from esnode.errors import TraceInvalid
from esnode.model.metrics import THROTTLE_REASONS
from esnode.model.readings import Missing, MissingReason, Reading
from esnode.model.traces import Series, Trace
from esnode.records import dataclass, field
from esnode.storage.traces.names import (
    MEMORY_FREE,
    MEMORY_RESERVED,
    MEMORY_TOTAL,
    MEMORY_USED,
    PARTS,
    REASONS,
    recognised,
)

Gpu: TypeAlias = int | str
"""A GPU's index or, where a recording does not tell it, its UUID."""

Row: TypeAlias = dict[str, Reading[float]]

MOST_GPUS = 64


@dataclass(slots=True)
class Samples:
    """What one or more recordings hold. Times are seconds of one clock, whatever its zero."""

    rows: dict[Gpu, dict[float, Row]] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)

    def add(self, gpu: Gpu, at: float, meaning: str, value: Reading[float]) -> None:
        self.rows.setdefault(gpu, {}).setdefault(at, {})[meaning] = value


def to_trace(samples: Samples, name: str) -> Trace:
    """The recording from its first sample on. Raises TraceInvalid when there is nothing in it that esnode measures."""
    times = [at for rows in samples.rows.values() for at in rows]
    if not times:
        raise TraceInvalid(
            f"{name} holds no metric that esnode knows",
            detail=f"It has: {', '.join(sorted(samples.ignored)[:12]) or 'nothing'}.",
            next_step=f"Name columns or series as esnode, nvidia-smi or dcgm-exporter do: {recognised()}.",
        )
    zero = min(times)
    indexes = _indexes(samples.rows, name)
    gpus = {indexes[gpu]: _series(rows, zero) for gpu, rows in samples.rows.items()}
    return Trace(
        name=name,
        gpus=dict(sorted(gpus.items())),
        seconds=max(times) - zero,
        ignored=tuple(sorted(samples.ignored)),
    )


def missing(why: str) -> Missing:
    return Missing(missing=MissingReason.NOT_READ, detail=why)


def _indexes(gpus: Iterable[Gpu], name: str) -> Mapping[Gpu, int]:
    """Those that have an index keep it; those of which only the UUID is known are counted after them."""
    known = [gpu for gpu in gpus if isinstance(gpu, int)]
    others = sorted(gpu for gpu in gpus if isinstance(gpu, str))
    first = max(known, default=-1) + 1
    made: dict[Gpu, int] = {gpu: gpu for gpu in known} | {gpu: first + number for number, gpu in enumerate(others)}
    if max(made.values()) >= MOST_GPUS:
        raise TraceInvalid(f"{name} is of more than {MOST_GPUS} GPUs", next_step="Record one machine.")
    return made


def _series(rows: Mapping[float, Row], zero: float) -> dict[str, Series]:
    whole = {at: _completed(row) for at, row in sorted(rows.items())}
    names = sorted({name for row in whole.values() for name in row})
    made = {}
    for name in names:
        found = [(at - zero, row[name]) for at, row in whole.items() if name in row]
        made[name] = Series(times=tuple(at for at, _ in found), values=tuple(value for _, value in found))
    return made


def _completed(row: Row) -> Row:
    """The row with what its parts make, and without them."""
    made = {name: value for name, value in row.items() if name not in PARTS}
    reasons = row.get(REASONS)
    if reasons is not None:
        for name, bit in THROTTLE_REASONS.items():
            made.setdefault(
                f"throttle_reason_{name}", reasons if isinstance(reasons, Missing) else float(bool(int(reasons) & bit))
            )
    if MEMORY_USED in row and "memory_allocated_percent" not in made:
        share = _memory(row)
        if share is not None:
            made["memory_allocated_percent"] = share
    return made


def _memory(row: Row) -> Reading[float] | None:
    """Used in percent of all; None where the recording does not say how much there is."""
    used = row[MEMORY_USED]
    if MEMORY_TOTAL in row:
        total = row[MEMORY_TOTAL]
    elif MEMORY_FREE in row:
        parts = [used, row[MEMORY_FREE], row.get(MEMORY_RESERVED, 0.0)]
        total = _sum(parts)
    else:
        return None
    if isinstance(used, Missing) or isinstance(total, Missing):
        return used if isinstance(used, Missing) else total
    return used / total * 100 if total > 0 and math.isfinite(total) else missing("the recording has a memory of 0")


def _sum(parts: Iterable[Reading[float]]) -> Reading[float]:
    total = 0.0
    for part in parts:
        if isinstance(part, Missing):
            return part
        total += part
    return total
