"""Values between processes of ours: pickled, with dataclasses the short way.

Python pickles a dataclass with slots by code that looks up the fields of each instance anew, and a control loop sends
hundreds in each cycle. Here they are looked up once for each class.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from enum import Enum
from operator import attrgetter
from typing import Any

from esnode.records import field_names

_Apart = Callable[[Any], tuple[Callable[..., object], tuple[Any, ...]]]


def pack(value: object) -> bytes:
    """The value as bytes for `unpack`. Raises what pickle raises for one that cannot be sent."""
    data = io.BytesIO()
    pickler = pickle.Pickler(data, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _short_ways
    pickler.dump(value)
    return data.getvalue()


def unpack(data: bytes) -> Any:
    """What another process of this very program has packed; never what came from elsewhere."""
    return pickle.loads(data)  # noqa: S301 - our own process's


class _ShortWays(dict[type, _Apart]):
    """How instances of a class are taken apart. KeyError for a class that pickle is to treat as it always does."""

    def __missing__(self, kind: type) -> _Apart:
        if issubclass(kind, Enum):
            return self.setdefault(kind, lambda member: (kind, (member.value,)))
        names = field_names(kind)
        if len(names) < 2:
            raise KeyError(kind)
        values = attrgetter(*names)
        return self.setdefault(kind, lambda instance: (_together, (kind, *values(instance))))


_short_ways = _ShortWays()


def _together(kind: type, *values: object) -> object:
    return kind(**dict(zip(field_names(kind), values, strict=True)))
