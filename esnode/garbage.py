"""When Python looks for reference cycles, and when it need not.

Everything that flows through a plan is a tree of frozen records: nothing refers back, and what is no longer needed is
freed at once by its reference count. The cycle collector finds nothing in it, and looks through all of it again and
again while it grows: two thirds of the time that judging a hundred thousand GPUs took.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """No search for cycles inside; outside it goes on as it was. Also as a decorator. May be nested."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
