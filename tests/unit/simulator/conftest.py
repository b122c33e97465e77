from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pynvml
import pytest

from esnode.simulator import World
from tests.unit.simulator.worlds import a_world


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """A function that makes a world and has pynvml run on it until the test ends."""
    with ExitStack() as stack:

        def make(**fields: Any) -> World:
            world = a_world(tmp_path, **fields)
            stack.enter_context(world.plug())
            pynvml.nvmlInit()
            return world

        yield make


@pytest.fixture
def lab(boot: Callable[..., World]) -> World:
    """Two idle H100, plugged and initialised."""
    return boot()
