"""What is generated is what is committed; what is given as an example is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from esnode.errors import FileUnreadable
from esnode.storage.profiles.grammar import profile_schema, schema_json
from esnode.storage.profiles.grammar_docs import REFERENCE, with_tables
from esnode.storage.profiles.lint import lint_profile
from esnode.storage.profiles.read import read_profiles
from esnode.storage.schema_files import schema_text

TOP = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((TOP / "examples" / "profiles").iterdir())
AGAIN = "run `make schemas`"


def test_the_committed_schema_is_the_generated_one() -> None:
    assert schema_text("profile.v1") == schema_json(), AGAIN


def test_the_committed_reference_has_the_generated_tables() -> None:
    text = (TOP / REFERENCE).read_text(encoding="utf-8")
    assert with_tables(text) == text, AGAIN


def test_the_schema_is_a_valid_schema() -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(profile_schema())


def test_every_closed_part_of_the_schema_is_closed() -> None:
    def open_parts(schema: object) -> list[object]:
        if isinstance(schema, list):
            return [part for each in schema for part in open_parts(each)]
        if not isinstance(schema, dict):
            return []
        is_open = schema.get("type") == "object" and "properties" in schema and "additionalProperties" not in schema
        return ([schema] if is_open else []) + [part for each in schema.values() for part in open_parts(each)]

    assert open_parts(profile_schema()) == []


def test_an_unknown_schema_is_named() -> None:
    with pytest.raises(FileUnreadable, match=r'there is no schema "profile\.v9"'):
        schema_text("profile.v9")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_valid_and_looks_right(example: Path) -> None:
    warnings = [warning.summary for profile in read_profiles([example]) for warning in lint_profile(profile)]
    assert [summary for summary in warnings if "UNKNOWN for now" not in summary] == []


def test_the_examples_can_be_used_together() -> None:
    assert len(read_profiles([TOP / "examples" / "profiles"])) == len(EXAMPLES) + 1
