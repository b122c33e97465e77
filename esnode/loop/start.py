"""Starts a control loop: inputs, machine, sign, listener; and takes all of them down again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from esnode.loop.inputs import Inputs, Reader
from esnode.loop.orders import Orders
from esnode.loop.run import ControlLoop
from esnode.loop.signals import Signals
from esnode.loop.speaker import Publisher, Speaker
from esnode.model.loops import Loop
from esnode.records import replace
from esnode.storage.loops import looping
from esnode.views.loop import LoopView
from esnode.wiring.machine import Pairs, facts, open_machine


def start(
    orders: Orders,
    paths: tuple[Path, ...],
    *,
    node_path: Path | None,
    tags: Pairs,
    labels: Pairs,
    listen: str,
    timeout: float,
    view: LoopView,
) -> int:
    """Run a loop until it ends; its exit code. Raises EsnodeError where it cannot begin: LockHeld beside another."""
    reader = Reader(
        paths=paths,
        read_facts=lambda: facts(node_path, tags=tags, labels=labels, is_this_machine=orders.simulate is None),
        state_path=orders.state_path,
        notify=orders.notify,
        strict=orders.strict,
        tell=view.tell,
    )
    inputs = reader.read()
    with contextlib.ExitStack() as stack:
        publisher, address = stack.enter_context(_listening(listen))
        sign = _loop(orders, inputs, address)
        # A dry run keeps nothing, so it may live beside a loop that does.
        say = None if orders.dry_run else stack.enter_context(looping(orders.state_path, sign))
        signals = stack.enter_context(Signals())
        machine = stack.enter_context(open_machine(orders.simulate, inputs.facts, timeout=timeout))
        loop = ControlLoop(
            machine,
            inputs,
            orders,
            reader,
            view,
            signals,
            Speaker(orders, publisher, timeout),
            say=lambda now: say(replace(sign, profiles=now.digests)) if say else None,
        )
        return loop.run()


def _loop(orders: Orders, inputs: Inputs, address: str) -> Loop:
    return Loop(pid=os.getpid(), user=orders.user, since=datetime.now(UTC), profiles=inputs.digests, listen=address)


@contextlib.contextmanager
def _listening(address: str) -> Iterator[tuple[Publisher | None, str]]:
    """Who publishes the loop's status, and where."""
    if not address:
        yield None, ""
        return
    from esnode.listen.server import Listener

    listener = Listener(address)
    try:
        yield listener, listener.address
    finally:
        listener.close()
