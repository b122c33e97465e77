"""Values to JSON and back, and digests over them. The only home of msgspec and rfc8785.

`plain` and `typed` turn the model's dataclasses into JSON values and back, strictly: a document of
the wrong shape is a BadValue that names the member, never a traceback.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

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
    quick = _quickly(document)
    if quick is not None:
        return quick
    import rfc8785

    try:
        return rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeError) as wrong:
        raise BadValue(f"it has no canonical form: {wrong}") from None
    except RecursionError:
        raise BadValue("nested too deeply") from None


def _quickly(document: JsonValue) -> bytes | None:
    """The canonical form by msgspec, eight times as fast, where that is sure to write the same; else None.

    It writes strings as RFC 8785 has them, and sorts names by code point, which is the order of UTF-16 too as long as
    nothing is beyond U+FFFF. What it writes of other kinds than JSON's, or of NaN, does not read back as the document.
    """
    try:
        written = _ENCODER.encode(document)
        read = _DECODER.decode(written)
        if read != document:
            return None
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        return None
    if not written.isascii() and written.translate(None, _UP_TO_FFFF):
        return None
    if _may_hold_a_long_integer(written):
        return None
    return _ENCODER.encode(read) if b".0" in written else written


def _may_hold_a_long_integer(written: bytes) -> bool:
    """Whether 16 digits or more stand where a number may: it could be beyond 2^53. In a text they rarely do."""
    alike = written.translate(_DIGITS_ALIKE)
    at = alike.find(_RUN)
    while at >= 0:
        before = written[:at].removesuffix(b"-") if at < 3 else written[at - 3 : at].removesuffix(b"-")
        if not before or before.endswith((b'":', b",", b"[")):
            return True
        at = alike.find(_RUN, at + len(_RUN))
    return False


@lru_cache(maxsize=4096)
def _number(text: str) -> float | int:
    """A float as msgspec wrote it, as what it writes canonically. ValueError where that is another spelling.

    RFC 8785 spells numbers as ECMAScript does: as Python, without a fraction of zero, and with exponents of its own.
    """
    if text.endswith(".0"):
        return int(text[:-2])
    number = float(text)
    if "e" in text or repr(number) != text:
        raise ValueError(text)
    return number


_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(float_hook=_number)
_UP_TO_FFFF = bytes(range(0xF0))
"""What UTF-8 begins with 0xF0 or more is beyond U+FFFF."""

_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_RUN = b"0" * 16


def sealed(document: Mapping[str, JsonValue]) -> bytes:
    """The canonical form of an object with one more member, `checksum`: the digest of its form without that member.

    Raises BadValue as `canonical` does.
    """
    before = canonical({name: value for name, value in document.items() if name < _SEAL})[1:-1]
    after = canonical({name: value for name, value in document.items() if name > _SEAL})[1:-1]
    checksum = hashlib.sha256(_object(before, after)).hexdigest()
    return _object(before, f'"{_SEAL}":"{checksum}"'.encode(), after)


def is_sealed(document: Mapping[str, JsonValue]) -> bool:
    """Whether an object's `checksum` is that of the rest of it. Raises BadValue as `canonical` does."""
    return document.get(_SEAL) == digest({name: value for name, value in document.items() if name != _SEAL})


def parse_sealed(data: bytes) -> dict[str, JsonValue] | None:
    """The object in bytes that are just what `sealed` makes of it, laid out or not; None for all others.

    That is the quick way to know that the seal is right and no name stands twice: whoever gets None has to look with
    `parse` and `is_sealed` at what is wrong, if anything is.
    """
    try:
        document = msgspec.json.decode(data)
        again = sealed(document) if isinstance(document, dict) else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadValue):
        return None
    return document if again and data in (again, laid_out(again)) else None


def _object(*members: bytes) -> bytes:
    return b"{" + b",".join(filter(None, members)) + b"}"


_SEAL = "checksum"


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
    return laid_out(_ENCODER.encode(document))


def line(value: object) -> bytes:
    """Dataclasses or JSON values as one line of JSON Lines, with sorted names."""
    return _ENCODER.encode(value) + b"\n"


def laid_out(written: bytes) -> bytes:
    """JSON that is written already, on lines of its own: two spaces, a newline at the end."""
    return msgspec.json.format(written, indent=2) + b"\n"


def json_schema(kind: type[object]) -> dict[str, JsonValue]:
    """The JSON Schema (2020-12) of what `plain` makes of an instance of `kind`."""
    schema: dict[str, JsonValue] = plain(msgspec.json.schema(kind))
    return schema
