"""What each symbol of the driver library does: importing a module of this package registers its calls."""

from __future__ import annotations

from esnode.simulator.calls import clocks, events, fields, identity, modes, sensors, setters, system

__all__ = ["clocks", "events", "fields", "identity", "modes", "sensors", "setters", "system"]
