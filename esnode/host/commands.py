"""A command line fit to be shown, stored and reviewed: printable, short, without what looks like a secret.

Masks rather too much than too little: a reviewer needs to know the program, a secret must never reach a plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

MASK: Final = "***"
SHOWN: Final = 200
"""The longest command that is shown, in characters."""

_LOOKED_AT: Final = 2048
"""Of each argument: other people wrote them, and the patterns below take time with the square of the length."""

# "auth" and "token" as words have harmless cousins: --author, --tokenizer.
_TELLING = (
    r"(?:token(?!iz)|secret|passw(?:or)?d|passphrase|pwd|credential|bearer|auth(?!or(?!iz))"
    r"|(?:api|access|private|signing|encryption)[-_]?key)"
)
_NAME = rf"[\w.-]*{_TELLING}[\w.-]*"
_COUNT = re.compile(r"(?i)[\w.-]*tokens[\w.-]*")  # --max-tokens 4096 is none
_FLAG = re.compile(rf"(?i)--?({_NAME})")
_FLAG_INSIDE = re.compile(rf"(?i)((?:^|\s)--?(?:{_NAME})\s+)(?!-)\S+")
_ASSIGNED = re.compile(rf"(?is)({_NAME})([\"']?\s*[=:]\s*)(.+)")
_ADDRESS = re.compile(r"(://[^/\s:@]*):[^/\s@]+(?:@|$)")


def shown_command(arguments: Iterable[str], name: str) -> str:
    """The arguments in one line of at most SHOWN characters; a process without any is shown as `[name]`."""
    line = ""
    for argument in _masked(arguments):
        line = f"{line} {argument}" if line else argument
        if len(line) > SHOWN:
            break
    return shortened(printable(line)) if line else f"[{printable(name)}]"


def printable(text: str) -> str:
    """Control characters, line breaks and undecodable bytes as a replacement character: a text for one line."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def shortened(text: str, length: int = SHOWN) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _masked(arguments: Iterable[str]) -> Iterator[str]:
    flag = ""  # the name of the argument before, where a secret may follow it
    for whole in arguments:
        argument = whole[:_LOOKED_AT]
        if flag and not argument.startswith("--") and not _is_count(flag, argument):
            flag = ""
            yield MASK
            continue
        named = _FLAG.fullmatch(argument)
        flag = named[1] if named else ""
        yield _without_secrets(argument)


def _without_secrets(argument: str) -> str:
    argument = _ADDRESS.sub(rf"\1:{MASK}@", argument)
    argument = _FLAG_INSIDE.sub(rf"\1{MASK}", argument)
    return _ASSIGNED.sub(_assigned, argument)


def _assigned(found: re.Match[str]) -> str:
    """Everything after the sign goes: `Authorization: Bearer ...` has its secret in the second word."""
    name, sign, value = found.groups()
    return found[0] if _is_count(name, value) else f"{name}{sign}{MASK}"


def _is_count(name: str, value: str) -> bool:
    return bool(_COUNT.fullmatch(name)) and value.isdigit()
