"""How a JSON Schema is shown: as it is, or on one line."""

from __future__ import annotations

from esnode import wire
from esnode.views.jsonlines import emit_document
from esnode.views.text import write


def show_schema(text: str, *, as_json: bool) -> None:
    if as_json:
        emit_document(wire.parse(text.encode()))
    else:
        write(text.rstrip("\n"))
