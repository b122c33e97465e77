"""What version prints."""

from __future__ import annotations

from collections.abc import Mapping

from esnode.views.jsonlines import emit_document
from esnode.views.text import write


def show_version(version: str, driver: Mapping[str, str | None] | None) -> None:
    """One line, or one JSON object when the driver's versions were asked for too."""
    if driver is None:
        write(f"esnode v{version}")
    else:
        emit_document({"esnode_version": version, **driver})
