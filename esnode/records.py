"""Dataclasses as the standard library spells them, made in C by msgspec.

The standard decorator writes and compiles source text for every class: 0.5 to 1 ms for a frozen one with slots, and a
plan names 150 of them. These take some 30 us each, and are faster to make, compare, replace and encode. A type checker
sees the standard names, so it checks as much as ever.

What is different: members may hold back from a comparison (`compare=False`) but not from `repr`; there is no `asdict`
that walks into what members hold, see `members`.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import msgspec.structs

__all__ = ["dataclass", "field", "field_names", "is_record", "members", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    replace = msgspec.structs.replace

    def field(*, default=msgspec.NODEFAULT, default_factory=msgspec.NODEFAULT, compare=True):
        made = msgspec.field(default=default, default_factory=default_factory)
        return made if compare else _Uncompared(made)

    def dataclass(*, frozen=False, slots=True, kw_only=False, eq=True) -> Callable[[type], type]:
        assert slots, "a record has no __dict__"
        return lambda written: _record(written, frozen=frozen, kw_only=kw_only, eq=eq)


class _Uncompared:
    """A field that two instances may differ in and be equal."""

    def __init__(self, field: Any) -> None:
        self.field = field


def _record(written: Any, *, frozen: bool, kw_only: bool, eq: bool) -> type:
    """The class that was written, made once more by msgspec."""
    body = {name: value for name, value in vars(written).items() if name not in ("__dict__", "__weakref__")}
    uncompared = {name for name, value in body.items() if isinstance(value, _Uncompared)}
    body |= {name: body[name].field for name in uncompared}
    if uncompared:
        compared = tuple(name for name in body["__annotations__"] if name not in uncompared)
        body |= _comparison(compared)
    assert written.__bases__ == (object,), "what inherits from a record is one, without the decorator"
    return _make(written.__name__, (msgspec.Struct,), body, frozen=frozen, kw_only=kw_only, eq=eq and not uncompared)


_make: Callable[..., type] = type(msgspec.Struct)


def _comparison(names: tuple[str, ...]) -> dict[str, Any]:
    values = attrgetter(*names)

    def __eq__(self: object, other: object) -> Any:
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: object) -> int:
        return hash(values(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def is_record(kind: type) -> bool:
    return issubclass(kind, msgspec.Struct)


def field_names(kind: type) -> tuple[str, ...]:
    """The names of a record's fields, in order. Empty for a class that is none."""
    return kind.__struct_fields__ if issubclass(kind, msgspec.Struct) else ()


def members(record: object) -> dict[str, Any]:
    """The fields of a record with their values, as they are."""
    return msgspec.structs.asdict(record)  # type: ignore[arg-type]
