"""An environment in which any Python program that uses pynvml runs on a simulated machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from esnode.simulator.world import World

HOOK: Final = Path(__file__).parent / "hook"


def command_environment(world: World, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment (by default this process's) with the simulated machine put in.

    Python imports the hook's `sitecustomize` at its start; pynvml, when it is imported, gets the simulated
    library. Nothing else on the path changes, so programs of other virtual environments keep their packages.
    """
    made = dict(os.environ if environment is None else environment)
    others = [part for part in made.get("PYTHONPATH", "").split(os.pathsep) if part and part != str(HOOK)]
    made["PYTHONPATH"] = os.pathsep.join([str(HOOK), *others])
    made["ESNODE_SIMULATED_WORLD"] = str(world.path)
    return made
