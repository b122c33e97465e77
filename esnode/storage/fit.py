"""Whether a value fits a JSON Schema: yes or no, and at once.

Importing jsonschema costs as much as reading a hundred profiles, so it is asked only when this says no, to
find out what is wrong. A property test holds the two to the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any


def fits(value: Any, schema: Any) -> bool:
    """Whether `value` is valid against `schema`, of which only the keywords below may be used."""
    if isinstance(schema, bool):
        return schema
    return all(rule(value, schema[word], schema) for word, rule in _RULES.items() if word in schema)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value == int(value),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _properties(value: Any, rules: Any, schema: Any) -> bool:
    return not isinstance(value, dict) or all(fits(value[key], rule) for key, rule in rules.items() if key in value)


def _others(value: Any, rule: Any, schema: Any) -> bool:
    known = schema.get("properties", {})
    return not isinstance(value, dict) or all(fits(other, rule) for key, other in value.items() if key not in known)


def _condition(value: Any, rule: Any, schema: Any) -> bool:
    return not fits(value, rule) or fits(value, schema["then"])


_RULES: Mapping[str, Callable[[Any, Any, Any], bool]] = {
    "type": lambda value, name, _: _TYPES[name](value),
    "const": lambda value, only, _: type(value) is type(only) and value == only,
    "enum": lambda value, members, _: isinstance(value, str) and value in members,
    "minLength": lambda value, least, _: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda value, most, _: not isinstance(value, str) or len(value) <= most,
    "pattern": lambda value, text, _: not isinstance(value, str) or re.search(text, value) is not None,
    "exclusiveMinimum": lambda value, bound, _: not _is_number(value) or value > bound,
    "minimum": lambda value, bound, _: not _is_number(value) or value >= bound,
    "maximum": lambda value, bound, _: not _is_number(value) or value <= bound,
    "minItems": lambda value, least, _: not isinstance(value, list) or len(value) >= least,
    "items": lambda value, rule, _: not isinstance(value, list) or all(fits(item, rule) for item in value),
    "required": lambda value, keys, _: not isinstance(value, dict) or all(key in value for key in keys),
    "properties": _properties,
    "additionalProperties": _others,
    "anyOf": lambda value, rules, _: any(fits(value, rule) for rule in rules),
    "allOf": lambda value, rules, _: all(fits(value, rule) for rule in rules),
    "not": lambda value, rule, _: not fits(value, rule),
    "if": _condition,
}
