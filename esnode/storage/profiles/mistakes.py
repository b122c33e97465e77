"""Everything that is wrong with a document that is to be a profile: its structure by the schema, and its meaning."""

from __future__ import annotations

from functools import cache
from typing import Any

from esnode.storage.fit import fits
from esnode.storage.profiles.checks import foreign, semantic_problems
from esnode.storage.profiles.problems import structural_problems
from esnode.storage.schema_files import PROFILE_SCHEMA, schema
from esnode.storage.yaml.complaints import Problem


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema(PROFILE_SCHEMA))


def problems_of(document: Any) -> list[Problem]:
    """Every mistake of a document, each once. Empty: `build` will succeed."""
    stranger = foreign(document)
    if stranger:
        return [stranger]
    meaning = list(semantic_problems(document))
    structure = (
        []
        if fits(document, schema(PROFILE_SCHEMA))
        else structural_problems(document, _validator().iter_errors(document))
    )
    # Both may see the same mistake; the one that knows the meaning has the better words.
    said = {problem.path for problem in meaning}
    both = [*meaning, *(problem for problem in structure if problem.path not in said)]
    once = {(problem.path, problem.summary): problem for problem in both if problem.summary}
    return list(once.values())
