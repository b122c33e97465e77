"""The simulated machine: a driver library beneath pynvml, its boards' physics, its faults.

Nothing above knows that it is there: `with open_world(path).plug():` and pynvml runs on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from esnode.simulator.environment import command_environment
    from esnode.simulator.panel import PanelRow
    from esnode.simulator.template import create_world
    from esnode.simulator.world import World, open_world, registers_path

_HOMES = {
    "PanelRow": "panel",
    "World": "world",
    "command_environment": "environment",
    "create_world": "template",
    "open_world": "world",
    "registers_path": "world",
}

__all__ = ["PanelRow", "World", "command_environment", "create_world", "open_world", "registers_path"]


def __getattr__(name: str) -> Any:
    """Parts are imported when asked for: a program beneath the hook needs half of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
