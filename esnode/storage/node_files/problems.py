"""JSON Schema errors of a node file as sentences. A value is never quoted: it may be a secret in the wrong place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from esnode.model.profile import Path
from esnode.storage.yaml.complaints import Problem, found, meant_branch, nearest


def structural_problems(errors: Iterable[Any]) -> list[Problem]:
    """Every structural mistake once."""
    problems = [problem for error in errors for problem in _explain(error)]
    return list({(problem.path, problem.summary): problem for problem in problems}.values())


def _explain(error: Any) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    match error.validator:
        case "additionalProperties":
            known = list(error.schema.get("properties", {}))
            yield from (_unknown_key(path, key, known) for key in error.instance if key not in known)
        case "required":
            for key in (key for key in error.validator_value if key not in error.instance):
                yield Problem(path=(*path, key), summary=f'{_called(path)} needs "{key}"')
        case "anyOf" if meant := meant_branch(error, ("type", "pattern")):
            for part in meant:
                yield from _explain(part)
        case "enum" if isinstance(error.instance, str):
            word = nearest(error.instance, error.validator_value)
            hint = f"Did you mean {word}? " if word else ""
            detail = f"{hint}Write one of: {', '.join(error.validator_value)}."
            yield Problem(path=path, summary=f"{_called(path)} has an unknown word", detail=detail)
        case "minLength" | "minItems":
            yield Problem(path=path, summary=f"{_called(path)} must not be empty")
        case _:
            expects = error.schema.get("x-expects", "another value")
            value = "found other text" if isinstance(error.instance, str) else found(error.instance)
            yield Problem(path=path, summary=f"{_called(path)} must be {expects}, {value}", detail=_help(expects))


def _unknown_key(path: Path, key: str, known: list[str]) -> Problem:
    meant = nearest(key, known)
    hint = f'Did you mean "{meant}"? ' if meant else ""
    return Problem(
        path=(*path, key),
        summary=f'unknown key "{key[:60]}"',
        detail=f"{hint}{_called(path)} may have: {', '.join(known)}.",
        at_key=True,
    )


def _called(path: Path) -> str:
    if not path:
        return "the node file"
    return ".".join(str(step) for step in path)


def _help(expects: str) -> str:
    if expects.startswith("a reference"):
        return "A secret is never written here: only where it is."
    return ""
