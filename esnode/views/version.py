"""What version prints."""

from __future__ import annotations

import json
from collections.abc import Mapping

from esnode.views.text import write


def show_version(version: str, driver: Mapping[str, str | None] | None) -> None:
    """One line, or one JSON object when the driver's versions were asked for too."""
    if driver is None:
        write(f"esnode v{version}")
    else:
        write(json.dumps({"esnode_version": version, **driver}, indent=2))
