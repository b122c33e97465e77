"""Parts that the grammars of documents which people write are put together from."""

from __future__ import annotations

from typing import Any

from esnode.storage.profiles.values import DURATION_PATTERN

Schema = dict[str, Any]


def mapping(description: str, properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    """A mapping with these keys and no others."""
    start: Schema = {"type": "object", "description": description, "additionalProperties": False}
    return {**start, "properties": properties, "required": list(required), "x-expects": "a mapping"}


def text(description: str, **more: Any) -> Schema:
    return {"type": "string", "minLength": 1, "description": description, "x-expects": "text", **more}


def texts(description: str) -> Schema:
    """Names, each with a text."""
    return {
        "type": "object",
        "description": description,
        "additionalProperties": {"type": "string", "x-expects": "text"},
        "x-expects": "a mapping of names to text",
    }


def list_of(description: str, item: Schema) -> Schema:
    return {"type": "array", "description": description, "items": item, "x-expects": "a list"}


def one_or_more(item: Schema, expects: str) -> Schema:
    return {"anyOf": [item, {"type": "array", "minItems": 1, "items": item}], "x-expects": expects}


def duration(description: str) -> Schema:
    return text(description, pattern=DURATION_PATTERN) | {"x-expects": "a duration such as 5m or 90s"}
