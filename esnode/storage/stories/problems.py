"""JSON Schema errors of a test file as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from esnode.model.profile import Path
from esnode.storage.yaml.complaints import Problem, found, meant_branch, nearest

_SYNONYMS = {
    "tests": "stories",
    "cases": "stories",
    "expected": "expect",
    "expectations": "expect",
    "profile": "profiles",
    "verdict": "status",
    "time": "at",
    "when": "at",
    "until": "to",
    "duration": "lasts",
    "machine": "world",
    "step": "interval",
}
_DECIDING = ("type", "pattern", "const", "enum")


def structural_problems(errors: Iterable[Any]) -> list[Problem]:
    """Every structural mistake once; a misspelled key is not missing as well."""
    problems = [problem for error in errors for problem in _explain(error)]
    meant = {(*problem.path[:-1], problem.meant) for problem in problems if problem.meant}
    return list({problem.path: problem for problem in reversed(problems) if problem.path not in meant}.values())[::-1]


def _explain(error: Any) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    match error.validator:
        case "additionalProperties" if not error.schema["additionalProperties"]:
            known = list(error.schema.get("properties", {}))
            yield from (_unknown_key(path, key, known) for key in error.instance if key not in known)
        case "required":
            for key in (key for key in error.validator_value if key not in error.instance):
                yield Problem(path=(*path, key), summary=f'{called(path)} needs "{key}"')
        case "anyOf" if meant := meant_branch(error, _DECIDING) or _words(error):
            for part in meant:
                yield from _explain(part)
        case "enum" if isinstance(error.instance, str):
            word = nearest(error.instance, error.validator_value)
            hint = f"Did you mean {word}? " if word else ""
            detail = f"{hint}Write one of: {', '.join(error.validator_value)}."
            yield Problem(path=path, summary=f'{called(path)}: unknown word "{error.instance[:60]}"', detail=detail)
        case "minLength" | "minItems":
            yield Problem(path=path, summary=f"{called(path)} must not be empty")
        case _:
            expects = error.schema.get("x-expects", "another value")
            detail = "Write a time such as 90s or 5m." if expects.startswith(("a time", "a duration")) else ""
            yield Problem(
                path=path, summary=f"{called(path)} must be {expects}, {found(error.instance)}", detail=detail
            )


def _words(error: Any) -> list[Any]:
    """A text where words are one of the alternatives was meant to be one of them."""
    is_text = isinstance(error.instance, str)
    return [part for part in error.context if is_text and part.validator == "enum" and not part.relative_path][:1]


def _unknown_key(path: Path, key: str, known: list[str]) -> Problem:
    meant = nearest(key, known, _SYNONYMS)
    hint = f'Did you mean "{meant}"? ' if meant else ""
    return Problem(
        path=(*path, key),
        summary=f'unknown key "{key[:60]}"',
        detail=f"{hint}{called(path)} may have: {', '.join(known)}.",
        at_key=True,
        meant=meant,
    )


def called(path: Path) -> str:
    """A part as people would call it: its last name, items by their list."""
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return "the test"
    if path[-1] == names[-1]:
        return names[-1]
    what = {"stories": "story", "readings": "reading", "expect": "expectation", "pods": "pod", "processes": "process"}
    return f"{what.get(names[-1], f'item of {names[-1]}')} {int(path[-1]) + 1}"
