"""esnode sim: a simulated machine."""

from __future__ import annotations

import click

from esnode.cli.syntax import LazyGroup


@click.command(
    "sim",
    cls=LazyGroup,
    lazy={
        "init": ("esnode.cli.sim.init", "Write a world file: boards of a catalogue, or a capture"),
        "set": ("esnode.cli.sim.set", "Be a foreign hand: settings, sensors, faults, time"),
        "show": ("esnode.cli.sim.show", "Look at the machine's front panel"),
        "run": ("esnode.cli.sim.run", "Run another program that uses pynvml on the machine"),
    },
)
def command() -> None:
    """Make and handle a simulated machine: a driver library beneath pynvml, with physics and faults.

    \b
    Examples:
      esnode sim init world.yaml
      esnode sim set 0 gpu_temp_celsius=84
    """
