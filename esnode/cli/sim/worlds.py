"""The simulated machine that a command is about."""

from __future__ import annotations

from pathlib import Path

from esnode.errors import BadInvocation
from esnode.simulator.world import World, open_world


def given_world(simulate: Path | None) -> World:
    """The world of -simulate or ESNODE_SIMULATE. Raises BadInvocation when neither is given."""
    if simulate is None:
        raise BadInvocation(
            "No simulated machine is named",
            next_step="Name its world file with -simulate=world.yaml or ESNODE_SIMULATE; esnode sim init makes one.",
        )
    return open_world(simulate)
