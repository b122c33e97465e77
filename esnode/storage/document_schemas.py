"""The schemas of what esnode writes, generated from the classes that are written."""

from __future__ import annotations

from typing import Any

from esnode import wire
from esnode.model.state import STATE_VERSION, State
from esnode.storage.plan_document import PlanDocument


def plan_schema() -> dict[str, Any]:
    """Of a plan file. Readers ignore members that they do not know."""
    return _document("plan", "An esnode plan: what was seen, how it was judged, what apply would do.", PlanDocument)


def state_schema() -> dict[str, Any]:
    """Of a state file."""
    schema = _document("state", "An esnode state: what is managed, with its baselines, and what was last seen.", State)
    root = schema["$defs"]["State"]
    added = {
        "version": {"const": STATE_VERSION},
        "esnode_version": {"type": "string"},
        "checksum": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    }
    root["properties"] = {**added, **root["properties"]}
    root["required"] = sorted({*root["required"], *added})
    return schema


def _document(name: str, title: str, kind: type[object]) -> dict[str, Any]:
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:esnode:{name}:v1",
        "title": title,
    }
    return {**head, **wire.json_schema(kind)}
