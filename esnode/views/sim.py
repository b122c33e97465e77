"""How a simulated machine is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from esnode.units import format_number
from esnode.views.jsonlines import emit, emit_document
from esnode.views.printable import printable
from esnode.views.text import write
from esnode.wire import plain


def show_created(path: Path, description: str, *, as_json: bool) -> None:
    if as_json:
        emit("world_created", f"Wrote {path}. {description}.", path=str(path), description=description)
        return
    write(f"Wrote {path}. {description}.")
    write(f"\nUse it with -simulate={path}, or for every command:\n    export ESNODE_SIMULATE={path}")


def show_panel(description: str, rows: Sequence[Any], *, as_json: bool) -> None:
    """`rows` are the simulator's PanelRow."""
    if as_json:
        emit_document({"description": description, "gpus": [plain(row) for row in rows]})
        return
    write(f"SIMULATED. {description}.\n")
    rows = printable(tuple(rows))
    headers = ["GPU", "model", "temp", "util", "power", "limit", "SM clock", "locks", "persistence", "remarks"]
    write(tabulate([_cells(row) for row in rows], headers=headers))


def show_set(target: str | None, values: Mapping[str, str], *, as_json: bool) -> None:
    """A foreign hand is silent to people."""
    if as_json:
        said = ", ".join(f"{name}={value}" for name, value in values.items())
        emit("world_changed", f"Set {said} on {target or 'the machine'}", target=target, values=values)


def _cells(row: Any) -> list[str]:
    limit = f"{format_number(row.power_limit_watts)} W"
    if row.enforced_limit_watts < row.power_limit_watts:
        limit += f" (enforced {format_number(row.enforced_limit_watts)} W)"
    locks = [f"graphics {row.graphics_lock}"] * bool(row.graphics_lock) + [f"memory {row.memory_lock}"] * bool(
        row.memory_lock
    )
    remarks = [*row.faults, *(f"pinned {pin}" for pin in row.pinned)]
    return [
        str(row.index),
        row.model,
        f"{row.temperature_celsius} C",
        f"{row.utilization_percent} %",
        f"{format_number(round(row.power_watts, 1))} W",
        limit,
        f"{row.sm_clock_mhz} MHz",
        ", ".join(locks) or "-",
        "on" if row.persistence else "off",
        ", ".join(remarks) or "-",
    ]
