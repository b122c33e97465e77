"""Secrets by reference: what a file of ours says is where a secret is, never what it is.

env:SLACK_URL                 an environment variable
file:/run/secrets/slack       a file's content, without the line end
credential:slack              a systemd credential ($CREDENTIALS_DIRECTORY/slack)
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from esnode.errors import SecretUnavailable

REFERENCE_PATTERN: Final = r"^(?:env:[A-Za-z_][A-Za-z0-9_]*|file:/\S+|credential:[A-Za-z0-9._-]+)$(?!\n)"
_LONGEST: Final = 64 * 1024


class Secret:
    """A value that shows itself only when asked to: `repr`, `str` and messages made of it say `***`."""

    __slots__ = ("_value", "reference")

    def __init__(self, value: str, reference: str) -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference}, ***)"

    def __str__(self) -> str:
        return "***"


def is_reference(text: str) -> bool:
    return re.match(REFERENCE_PATTERN, text) is not None


def resolve(text: str) -> Secret:
    """The secret that a reference leads to, read now. A text that is no reference stands for itself.

    Raises SecretUnavailable, which names the reference and never the value.
    """
    if not is_reference(text):
        return Secret(text, text)
    kind, _, name = text.partition(":")
    value = _of_environment(text, name) if kind == "env" else _of_file(text, _path(text, kind, name))
    if not value:
        raise SecretUnavailable(f"The secret {text} is empty", next_step="Put the value there, without quotes.")
    return Secret(value, text)


def _of_environment(reference: str, name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise SecretUnavailable(
            f"The secret {reference} is not there: the environment has no {name}",
            next_step=f"Set {name} for esnode; under systemd use LoadCredential= and credential:NAME.",
        )
    return value.strip()


def _path(reference: str, kind: str, name: str) -> Path:
    if kind == "file":
        return Path(name)
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise SecretUnavailable(
            f"The secret {reference} is not there: systemd gave this process no credentials",
            next_step=f"Add LoadCredential={name}:PATH to the unit, or write file:PATH.",
        )
    return Path(folder) / name


def _of_file(reference: str, path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LONGEST + 1)
    except OSError as failure:
        raise SecretUnavailable(
            f"The secret {reference} cannot be read: {failure.strerror}",
            next_step="Check the path and its permissions.",
        ) from None
    if len(data) > _LONGEST:
        raise SecretUnavailable(f"The secret {reference} has more than {_LONGEST:,} bytes")
    try:
        return data.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise SecretUnavailable(f"The secret {reference} is not UTF-8 text") from None
