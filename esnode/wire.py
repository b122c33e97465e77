"""Values to JSON and back, and digests over them. The only home of msgspec and rfc8785.

`plain` and `typed` turn the model's dataclasses into JSON values and back, strictly: a document of
the wrong shape is a BadValue that names the member, never a traceback.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypeVar

import msgspec
import rfc8785

from esnode.errors import BadValue

T = TypeVar("T")

JsonValue = Any


def plain(value: object) -> JsonValue:
    """Dataclasses, enums, tuples and times as JSON values. Times are RFC 3339 in UTC."""
    return msgspec.json.decode(msgspec.json.encode(value))


def typed(kind: type[T], document: JsonValue) -> T:
    """A JSON value as an instance of `kind`. Raises BadValue, naming the member that does not fit."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as mismatch:
        raise BadValue(str(mismatch)) from None
    except RecursionError:
        raise BadValue("nested too deeply") from None


def canonical(document: JsonValue) -> bytes:
    """The RFC 8785 form: one value, one sequence of bytes.

    Raises BadValue for what has no such form: an integer beyond 2^53, half a surrogate pair.
    """
    try:
        return rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeError) as wrong:
        raise BadValue(f"it has no canonical form: {wrong}") from None
    except RecursionError:
        raise BadValue("nested too deeply") from None


def digest(document: JsonValue) -> str:
    """SHA-256 of the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(document)).hexdigest()


def parse(data: bytes) -> JsonValue:
    """JSON bytes as a value. Raises BadValue with line and column; duplicate names are refused too."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as wrong:
        raise BadValue(f"not UTF-8 text (byte {wrong.start})") from None
    except json.JSONDecodeError as wrong:
        raise BadValue(f"not JSON: {wrong.msg} at line {wrong.lineno}, column {wrong.colno}") from None
    except BadValue:
        raise
    except ValueError as wrong:
        # Python refuses to make a number of more than 4300 digits.
        raise BadValue(f"not JSON that can be used: {wrong}") from None
    except RecursionError:
        raise BadValue("nested too deeply") from None


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadValue(f'the name "{twice}" stands twice in one object')
    return result


def _no_constant(name: str) -> JsonValue:
    raise BadValue(f"{name} is not a JSON number")


def pretty(document: JsonValue) -> bytes:
    """JSON for files that people look into: two spaces, sorted names, a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def json_schema(kind: type[object]) -> dict[str, JsonValue]:
    """The JSON Schema (2020-12) of what `plain` makes of an instance of `kind`."""
    schema: dict[str, JsonValue] = plain(msgspec.json.schema(kind))
    return schema
