"""Event sets: XID errors that were injected, and changes of clock and performance state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from esnode.records import dataclass, field
from esnode.simulator import marshal
from esnode.simulator.codes import Code, Refusal
from esnode.simulator.gpu import SimulatedGpu
from esnode.simulator.symbols import Kind, call

if TYPE_CHECKING:
    from esnode.simulator.library import Library

PSTATE, XID, CLOCK = 0x4, 0x8, 0x10
SUPPORTED: Final = PSTATE | XID | CLOCK
_FIRST_SET: Final = 0x7E00_0000_0000
_POLL_SECONDS: Final = 0.02


@dataclass(slots=True)
class Watch:
    """What an event set knows of one GPU: what it listens for and what it has seen."""

    mask: int
    xids: int
    sm_clock: int
    performance_state: int


@dataclass(slots=True)
class EventSet:
    watches: dict[int, Watch] = field(default_factory=dict)


@call("nvmlEventSetCreate", kind=Kind.SYSTEM)
def create(library: Library, handle: Any) -> None:
    marshal.target(handle)
    number = _FIRST_SET + 0x100 * (len(library.event_sets) + 1)
    while number in library.event_sets:
        number += 0x100
    library.event_sets[number] = EventSet()
    marshal.put_handle(handle, number)


@call("nvmlEventSetFree", kind=Kind.SYSTEM)
def free(library: Library, handle: Any) -> None:
    _set_of(library, handle)
    del library.event_sets[marshal.handle(handle)]


@call("nvmlDeviceGetSupportedEventTypes")
def supported(_library: Library, _gpu: SimulatedGpu, mask: Any) -> None:
    marshal.put(mask, SUPPORTED)


@call("nvmlDeviceRegisterEvents")
def register(library: Library, gpu: SimulatedGpu, mask: Any, handle: Any) -> None:
    """From now on: what happened before is not told."""
    wanted = marshal.number(mask)
    if wanted & ~SUPPORTED:
        raise Refusal(Code.NOT_SUPPORTED)
    events, known = _set_of(library, handle), gpu.operation
    earlier = events.watches.get(gpu.index)
    events.watches[gpu.index] = Watch(
        mask=wanted | (earlier.mask if earlier else 0),
        xids=earlier.xids if earlier else len(gpu.state.xids),
        sm_clock=known.sm_mhz,
        performance_state=known.performance_state,
    )


@call("nvmlEventSetWait_v2", "nvmlEventSetWait", kind=Kind.SYSTEM)
def wait(library: Library, handle: Any, data: Any, milliseconds: Any) -> None:
    """The next event, or TIMEOUT after so many real milliseconds."""
    events, event = _set_of(library, handle), marshal.target(data)
    until = time.monotonic() + marshal.number(milliseconds) / 1000
    while True:
        for index, watch in events.watches.items():
            found = _next(library.gpu(index), watch)
            if found is not None:
                marshal.put_handle(data, library.handle(library.gpu(index)))
                event.eventType, event.eventData = found
                return
        left = until - time.monotonic()
        if left <= 0:
            raise Refusal(Code.TIMEOUT)
        time.sleep(min(_POLL_SECONDS, left))


def _next(gpu: SimulatedGpu, watch: Watch) -> tuple[int, int] | None:
    """Type and data of the first thing that changed since the last look."""
    if watch.mask & XID and watch.xids < len(gpu.state.xids):
        watch.xids += 1
        return XID, gpu.state.xids[watch.xids - 1]
    now = gpu.operation
    if watch.mask & PSTATE and watch.performance_state != now.performance_state:
        watch.performance_state = now.performance_state
        return PSTATE, 0
    if watch.mask & CLOCK and watch.sm_clock != now.sm_mhz:
        watch.sm_clock = now.sm_mhz
        return CLOCK, 0
    return None


def _set_of(library: Library, handle: Any) -> EventSet:
    found = library.event_sets.get(marshal.handle(handle))
    if found is None:
        raise Refusal(Code.INVALID_ARGUMENT)
    return found
