"""STATE.loop: the sign that a control loop keeps a state, and by which profiles."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from esnode import wire
from esnode.errors import BadValue, LockHeld, StateUnwritable
from esnode.model.loops import Loop
from esnode.storage.signs import held, is_held


def loop_path(state_path: Path) -> Path:
    return state_path.with_name(state_path.name + ".loop")


@contextlib.contextmanager
def looping(state_path: Path, loop: Loop) -> Iterator[Callable[[Loop], None]]:
    """Keep the state for as long as this lasts; what is yielded says so of other profiles.

    Raises LockHeld, naming the loop that keeps it already, and, also from what is yielded, StateUnwritable.
    """
    path = loop_path(state_path)
    with contextlib.ExitStack() as stack:
        try:
            handle = stack.enter_context(held(path))
        except OSError as failure:
            raise _unwritable(path, failure) from None
        if handle is None:
            other = _read(path)
            who = f" by {other.user} (PID {other.pid}) with {', '.join(sorted(other.profiles))}" if other else ""
            raise LockHeld(
                f"A control loop keeps {state_path} already{who}",
                next_step="Stop that one first, or name another state with -state PATH.",
            )

        def say(loop: Loop) -> None:
            data = wire.pretty(wire.plain(loop))
            try:
                # In this order a full disk leaves what was said before.
                os.pwrite(handle, data, 0)
                os.ftruncate(handle, len(data))
            except OSError as failure:
                raise _unwritable(path, failure) from None

        say(loop)
        yield say


def living_loop(state_path: Path) -> Loop | None:
    """The loop that keeps the state now; one that died keeps nothing.

    One whose file cannot be read is a loop of no profile that anybody knows.
    """
    path = loop_path(state_path)
    if not is_held(path):
        return None
    return _read(path) or Loop(pid=0, user="somebody", since=datetime.fromtimestamp(0, UTC), profiles={})


def _unwritable(path: Path, failure: OSError) -> StateUnwritable:
    return StateUnwritable(
        f"{path}, the sign of a control loop, cannot be written: {failure.strerror}",
        next_step=f"Make room or give permission in {path.parent}, or name another state with -state PATH.",
    )


def _read(path: Path) -> Loop | None:
    try:
        return wire.typed(Loop, wire.parse(path.read_bytes()))
    except (OSError, BadValue):
        return None
