"""What is wrong with a document that people wrote: problems by path, and diagnostics with file, line and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esnode.diagnostics import Diagnostic, error
from esnode.model.profile import Path
from esnode.records import dataclass
from esnode.storage.yaml.nodes import Place, Span, YamlDocument
from esnode.storage.yaml.text import YamlFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`path` is the part that is wrong, or that is missing; `at_key` when its key is, rather than its value.

    `also` is the other part of a pair, `meant` the key that was probably meant. An empty summary: the mistake at
    `path` is spoken of elsewhere.
    """

    path: Path
    summary: str
    detail: str = ""
    at_key: bool = False
    also: Path = ()
    meant: str = ""


def unspoiled(problems: Iterable[Problem], document: YamlDocument) -> Iterator[Problem]:
    """The problems of a document, without those that follow from what was said about its YAML."""
    spoiled = document.spoiled
    for problem in problems:
        if not any(problem.path[:length] in spoiled for length in range(len(problem.path) + 1)):
            yield problem


def diagnostic(problem: Problem, document: YamlDocument, file: YamlFile) -> Diagnostic:
    detail = problem.detail
    if problem.also and problem.also in document.places:
        detail = f"The first is in line {document.places[problem.also].value.line}. {detail}"
    return error(problem.summary, detail, range=file.range(_span(problem, document.places)))


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by file, line and column."""

    def place(problem: Diagnostic) -> tuple[str, int, int]:
        at = problem.range
        return (at.filename, at.line, at.column) if at else ("", 0, 0)

    return tuple(sorted(diagnostics, key=place))


def found(value: Any) -> str:
    """A value of the wrong kind, in words: `found text "fifty"`."""
    match value:
        case None:
            return "found nothing"
        case bool():
            return f"found {str(value).lower()}"
        case int() | float():
            return f"found the number {value}"
        case str():
            return f'found text "{value if len(value) <= 40 else value[:39] + "…"}"'
        case list():
            return "found a list"
        case _:
            return "found a mapping"


def nearest(word: str, known: Iterable[str], synonyms: Mapping[str, str] | None = None) -> str:
    """The known word that was probably meant, or nothing. `synonyms` are other words for known ones."""
    from difflib import get_close_matches

    names = list(known)
    words = {name.lower(): name for name in names}
    words |= {other: name for other, name in (synonyms or {}).items() if name in names and other not in words}
    given = word.lower().replace("-", "_")[:80]
    longer = [name for name in names if len(given) > 2 and name.lower().startswith(given)]
    close = longer or get_close_matches(given, words, n=1, cutoff=0.66)
    return words[close[0].lower()] if close else ""


def meant_branch(error: Any, deciding: tuple[str, ...]) -> list[Any]:
    """Of a JSON Schema error about alternatives, the errors of the only one that was meant.

    An alternative was not meant when one of the `deciding` keywords fails on the value itself.
    """
    branches: dict[Any, list[Any]] = {}
    for part in error.context:
        branches.setdefault(part.relative_schema_path[0], []).append(part)
    meant = [
        parts
        for parts in branches.values()
        if not any(part.validator in deciding and not part.relative_path for part in parts)
    ]
    return meant[0] if len(meant) == 1 else []


def _span(problem: Problem, places: Mapping[Path, Place]) -> Span:
    """The part itself, or, for what is missing, the nearest part around it."""
    for length in range(len(problem.path), -1, -1):
        place = places.get(problem.path[:length])
        if place:
            is_whole = length == len(problem.path)
            return place.key if problem.at_key and is_whole and place.key else place.best if is_whole else _head(place)
    return Span(1, 1, 2)


def _head(place: Place) -> Span:
    return place.key or place.value
