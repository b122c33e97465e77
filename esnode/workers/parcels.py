"""Values between processes of ours: pickled, with dataclasses the short way.

Python pickles a dataclass with slots by code that looks up the fields of each instance anew, and a control loop sends
hundreds in each cycle. Here they are looked up once for each class.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any

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
        names = tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
        if len(names) < 2 or "__slots__" not in vars(kind):
            raise KeyError(kind)
        values = attrgetter(*names)
        return self.setdefault(kind, lambda instance: (_together, (kind, *values(instance))))


_short_ways = _ShortWays()


def _together(kind: type, *values: object) -> object:
    made: object = object.__new__(kind)
    for put, value in zip(_putters(kind), values, strict=True):
        put(made, value)
    return made


@cache
def _putters(kind: type) -> tuple[Callable[[object, object], None], ...]:
    """What writes each field of an instance, frozen or not."""
    return tuple(getattr(kind, field.name).__set__ for field in fields(kind))
