"""Listens to the driver in a thread of the driver's own process, and tells of what happens in bundles."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from esnode.errors import EsnodeError
from esnode.model.events import GpuEvent
from esnode.nvml.events import EventSet
from esnode.nvml.session import DriverSession

_PATIENCE: Final = 5.0
"""Seconds of one wait: whether GPUs came or went is looked at in between."""

_QUIET: Final = 0.2
"""Seconds between two bundles: a busy GPU changes its clock many times a second, and once is news enough."""

_MOST: Final = 256


class Listener:
    """Listens once it was started, until its process ends. A driver without events is listened to in vain."""

    def __init__(self, session: DriverSession, tell: Callable[[tuple[GpuEvent, ...]], None]) -> None:
        self._session = session
        self._tell = tell
        self._thread: threading.Thread | None = None

    def start(self) -> bool:
        """Listen, unless that is so already. Whether a thread does: it ends where the driver has no events."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, daemon=True)
            self._thread.start()
        return self._thread.is_alive()

    def _listen(self) -> None:
        try:
            while self._listen_to_present_gpus():
                time.sleep(_QUIET)
        except (EsnodeError, OSError):
            # No event sets, a driver that went away, a parent that did: each cycle reads everything anyway.
            return

    def _listen_to_present_gpus(self) -> bool:
        """Until the driver counts other GPUs; False where none of them has events."""
        count = self._session.count()
        with EventSet(self._session) as events:
            while events.listens:
                bundle = self._bundle(events)
                if bundle:
                    self._tell(tuple(bundle))
                    time.sleep(_QUIET)
                if self._session.count() != count:
                    return True
        return False

    def _bundle(self, events: EventSet) -> dict[GpuEvent, None]:
        """What happens first, and all that has happened by then, each once."""
        bundle: dict[GpuEvent, None] = {}
        event = events.next(_PATIENCE)
        while event and len(bundle) < _MOST:
            bundle[event] = None
            event = events.next(0)
        return bundle
