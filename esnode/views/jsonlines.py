"""The machine-readable stream: one JSON object a line, with Terraform's `@level`, `@message`, `@timestamp`, `type`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from esnode import __version__, wire
from esnode.diagnostics import Diagnostic, Level

UI_VERSION = "1.0"


def emit(type: str, message: str, *, level: str = "info", stream: TextIO | None = None, **members: Any) -> None:
    """Print one line. `members` may be values of the model."""
    line = {
        "@level": level,
        "@message": message,
        "@module": "esnode.ui",
        "@timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "type": type,
        **wire.plain(members),
    }
    out = stream or sys.stdout
    out.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")
    out.flush()


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
