"""What comes from a file, a driver or another program must not move the cursor, forge a line or turn text around."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, cast

from esnode import wire
from esnode.records import is_record, members, replace

T = TypeVar("T")


def plain_text(text: str) -> str:
    """`text` without control characters, line ends left as they are. A tab becomes an arrow."""
    if text.isprintable():
        return text
    shown = text.replace("\t", "→")
    return "".join(char if char.isprintable() or char == "\n" else escaped(char) for char in shown)


def one_line(text: str) -> str:
    """`text` without control characters, line ends among them."""
    return text if text.isprintable() else plain_text(text).replace("\n", "\\n")


def escaped(char: str) -> str:
    """A character that cannot be shown, by its number."""
    number = ord(char)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def printable(value: T) -> T:
    """A value of the model with every text in it on one line and without control characters."""
    return value if _is_printable(value) else cast(T, _printable(value))


def _is_printable(value: Any) -> bool:
    """Whether all of a value is. As JSON a plan is looked at in a tenth of the time that its texts take one by one.

    JSON writes an escape for a character below a space, and every other as it is.
    """
    try:
        written = wire.line(value).removesuffix(b"\n")
    except (TypeError, ValueError, OverflowError):
        return False
    if b"\\" in written and b"\\" in written.replace(rb"\\", b"").replace(rb"\"", b""):
        return False
    return b"\x7f" not in written if written.isascii() else written.decode().isprintable()


def _printable(value: Any) -> Any:
    match value:
        case Enum() | bool() | int() | float() | None:
            return value
        case str():
            return one_line(value)
        case tuple() | list():
            return type(value)(_printable(item) for item in value)
        case Mapping():
            return {_printable(name): _printable(item) for name, item in value.items()}
        case _ if is_record(type(value)):
            return replace(value, **_changed(value))
        case _:
            return value


def _changed(value: Any) -> dict[str, Any]:
    """The members that are not printable as they are, so that the rest need not be made anew."""
    held = members(value)
    cleaned = {name: _printable(member) for name, member in held.items()}
    return {name: member for name, member in cleaned.items() if member != held[name]}
