"""The machine-readable stream: one JSON object a line, with Terraform's `@level`, `@message`, `@timestamp`, `type`."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from esnode import __version__, wire
from esnode.diagnostics import Diagnostic, Level
from esnode.views.printable import printable

UI_VERSION = "1.0"

_UNSHOWABLE: Final = "[\x7f-\x9f\u2028\u2029\ud800-\udfff]"
"""What JSON lets through and a terminal or a line reader does not; beneath U+0020 JSON escapes by itself."""


def emit(type: str, message: str, *, level: str = "info", stream: TextIO | None = None, **members: Any) -> None:
    """Print one line. `members` may be values of the model."""
    line = {
        "@level": level,
        "@message": message,
        "@module": "esnode.ui",
        "@timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "type": type,
        **_plain(members),
    }
    emit_document(line, stream=stream)


def emit_document(document: Any, *, stream: TextIO | None = None) -> None:
    """Print a JSON value on a line of its own: a plan, a state, a schema."""
    out = stream or sys.stdout
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    out.write(re.sub(_UNSHOWABLE, lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")
    out.flush()


def _plain(members: dict[str, Any]) -> Any:
    """Half a character, as file names may have it, has no form in JSON: it is shown by its number."""
    try:
        return wire.plain(members)
    except UnicodeEncodeError:
        return wire.plain(printable(members))


def emit_version() -> None:
    """Always the first line."""
    emit("version", f"esnode {__version__}", esnode=__version__, ui=UI_VERSION)


def begin(*, as_json: bool) -> None:
    """Begin the output of a command that has nothing to say to people before its result."""
    if as_json:
        emit_version()


def emit_diagnostic(diagnostic: Diagnostic) -> None:
    is_error = diagnostic.severity is Level.ERROR
    heading = "Error" if is_error else "Warning"
    emit(
        "diagnostic",
        f"{heading}: {diagnostic.summary}",
        level="error" if is_error else "warn",
        diagnostic=diagnostic,
    )
