"""Worlds for tests: their clock stands still unless a test says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from esnode.simulator import World, open_world

CAPTURES = Path(__file__).parents[4] / "shared" / "captures"

_HEAD = "apiVersion: v1\nkind: SimulatedMachine\nname: lab\nstarts_at: 2026-01-01T00:00:00Z\n"


def a_world(folder: Path, *, gpus: str = "[{board: H100-SXM, count: 2}]", speed: float = 0, **fields: Any) -> World:
    """A world in `folder`; `gpus` and other fields are YAML."""
    lines = [f"speed: {speed}", f"gpus: {gpus}", *(f"{name}: {value}" for name, value in fields.items())]
    path = folder / "world.yaml"
    path.write_text(_HEAD + "\n".join(lines) + "\n")
    return open_world(path)


def busy(utilization: int = 100, **fields: Any) -> str:
    """Two H100 at work."""
    extra = "".join(f", {name}: {value}" for name, value in fields.items())
    return f"[{{board: H100-SXM, count: 2, workload: {{utilization: {utilization}, memory: 80}}{extra}}}]"
