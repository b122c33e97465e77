"""The profiles in texts and documents that nobody has looked at yet. Every mistake of every file in one go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from esnode.diagnostics import Diagnostic, Range, error
from esnode.errors import ProfileInvalid
from esnode.model.profile import Position, Profile
from esnode.storage.profiles.build import build
from esnode.storage.profiles.checks import unusable_values
from esnode.storage.profiles.mistakes import problems_of
from esnode.storage.yaml.complaints import Problem, diagnostic, in_order, unspoiled
from esnode.storage.yaml.nodes import Place, Span, YamlDocument
from esnode.storage.yaml.text import YamlFile, parse_yaml

Parts = tuple[str | int, ...]

_NEXT_STEP = "Correct the profile; `esnode validate` checks it without touching anything."


def parse_profiles(data: bytes, filename: str) -> tuple[Profile, ...]:
    """The profiles in the bytes of one file. Raises ProfileInvalid."""
    return profiles_of([parse_yaml(data, filename)])


def profile_from_document(document: Any, path: str) -> Profile:
    """The profile of a document that is already data, such as the one in a saved plan. Raises ProfileInvalid."""
    try:
        problems = list(unusable_values(document)) or problems_of(document)
    except RecursionError:
        problems = [Problem(path=(), summary="values are nested too deeply")]
    if problems:
        _refuse([error(_with_path(problem), problem.detail) for problem in problems], 1, path)
    return build(document, path, {})


def _with_path(problem: Problem) -> str:
    """Without a source line, the path has to say where."""
    where = ".".join(str(step) for step in problem.path)
    return f"{where}: {problem.summary}" if where else problem.summary


def profiles_of(files: Sequence[YamlFile]) -> tuple[Profile, ...]:
    """The profiles of some files, in order. Raises ProfileInvalid with all problems of all of them."""
    profiles: list[Profile] = []
    diagnostics: list[Diagnostic] = []
    names: dict[str, Range] = {}
    for file in files:
        diagnostics += file.problems
        documents = [document for document in file.documents if document.value is not None]
        if not documents and not file.problems:
            diagnostics.append(error("the file is empty: it holds no profile", range=file.range(Span(1, 1, 2))))
        for document in documents:
            mistakes = [
                diagnostic(problem, document, file) for problem in unspoiled(problems_of(document.value), document)
            ]
            diagnostics += [*mistakes, *_taken(document, file, names)]
            if not diagnostics:
                profiles.append(build(document.value, file.filename, _positions(document.places, file)))
    if diagnostics:
        _refuse(diagnostics, len(files), files[0].filename)
    return tuple(profiles)


def _taken(document: YamlDocument, file: YamlFile, names: dict[str, Range]) -> Iterator[Diagnostic]:
    """A name that another profile of this run has already."""
    value: Any = document.value
    meta = value.get("metadata") if isinstance(value, dict) else None
    name = meta.get("name") if isinstance(meta, dict) else None
    if not isinstance(name, str) or not name:
        return
    here = file.range(document.places["metadata", "name"].value)
    first = names.setdefault(name, here)
    if first is not here:
        summary = f'two profiles are named "{name[:60]}"'
        detail = f"The first is at {first.filename}:{first.line}. A profile's name is unique in a run."
        yield error(summary, detail, range=here)


def _positions(places: Mapping[Parts, Place], file: YamlFile) -> dict[Parts, Position]:
    return {path: _position(place, file) for path, place in places.items()}


def _position(place: Place, file: YamlFile) -> Position:
    """A pair begins at its key and ends, where it is one line, behind its value."""
    begin, end = place.key or place.value, place.value
    is_one_line = begin.line == end.line and not place.is_block
    end_column = end.end_column if is_one_line else begin.end_column
    source = file.lines[begin.line - 1] if begin.line <= len(file.lines) else ""
    return Position(line=begin.line, column=begin.column, end_column=end_column, source=source)


def _refuse(diagnostics: list[Diagnostic], files: int, filename: str) -> None:
    """Raises ProfileInvalid."""
    problems = in_order(diagnostics)
    count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
    bad = {problem.range.filename for problem in problems if problem.range} or {filename}
    where = next(iter(bad)) if len(bad) == 1 else f"{len(bad)} of {files} files"
    raise ProfileInvalid(f"{count} in {where}", problems, next_step=_NEXT_STEP)
