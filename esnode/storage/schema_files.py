"""The public JSON Schemas, wherever esnode was installed from."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from esnode.errors import FileUnreadable

PROFILE_SCHEMA: Final = "profile.v1"

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / "schemas", _PACKAGE.parent / "schemas")
"""In the wheel the schemas are inside the package; in a checkout they are at its top."""


def schema_text(name: str) -> str:
    """The text of a schema such as `profile.v1`. Raises FileUnreadable when this esnode has none of that name."""
    filename = f"{name}.schema.json"
    for folder in _FOLDERS:
        candidate = folder / filename
        if candidate.is_file():
            return candidate.read_text(encoding="utf-8")
    raise FileUnreadable(f'there is no schema "{name}"', next_step="`esnode schema` lists the schemas there are.")


@cache
def schema(name: str) -> dict[str, Any]:
    """The same as JSON values."""
    parsed: dict[str, Any] = json.loads(schema_text(name))
    return parsed
