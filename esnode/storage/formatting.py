"""esnode's own YAML files in canonical layout; meaning and comments are proven the same before anything is kept."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from esnode.diagnostics import Diagnostic, error
from esnode.errors import FormatRefused
from esnode.storage.kinds import DocumentKind, kind_of
from esnode.storage.node_files.grammar import node_schema
from esnode.storage.profiles.grammar import ACTIONS, profile_schema
from esnode.storage.world_grammar import world_schema
from esnode.storage.yaml.nodes import Span
from esnode.storage.yaml.text import YamlFile, parse_yaml

_LINE_BREAK = re.compile("\r\n|\r")


def formatted(data: bytes, filename: str) -> bytes:
    """The bytes of a file in canonical layout: the same values, the same comments, the keys in the grammar's order.

    Raises FormatRefused, with every problem and its place, for what is not YAML or not a file of esnode's. Formatting
    what was formatted changes nothing.
    """
    from esnode.storage.yaml.layout import layout
    from esnode.storage.yaml.parts import read_documents

    file = parse_yaml(data, filename)
    problems = file.problems or tuple(_strangers(file))
    if problems:
        raise FormatRefused(f"{filename} cannot be formatted", problems, next_step="Correct it, then format it again.")
    text = _LINE_BREAK.sub("\n", data.decode("utf-8-sig"))
    documents, comments = read_documents(text)
    if not documents:
        lines = [line.strip() for line in text.split("\n")]
        return "".join(f"{line}\n" for line in lines if line).encode()  # nothing but comments
    schemas = [_schema(kind_of(document.value)) for document in file.documents]
    result = layout(documents, schemas)
    _check_same(file, comments, result)
    return result.encode()


def _strangers(file: YamlFile) -> Iterator[Diagnostic]:
    for document in file.documents:
        if document.value is not None and kind_of(document.value) is None:
            place = document.places.get(("kind",)) or document.places[()]
            detail = "esnode formats profiles, node files and the world files of simulated machines."
            yield error("this is none of esnode's files", detail, range=file.range(place.value))


def _check_same(file: YamlFile, comments: list[str], result: str) -> None:
    from esnode.storage.yaml.parts import comments_of

    again = parse_yaml(result.encode(), file.filename)
    is_same = not again.problems and _typed([document.value for document in again.documents]) == _typed(
        [document.value for document in file.documents]
    )
    if not is_same or comments_of(result) != comments:
        where = file.range(Span(1, 1, 2))
        detail = (
            "Formatting would have changed its values or comments, so it was left as it is. Please report the file."
        )
        raise FormatRefused(
            f"{file.filename} cannot be formatted", (error("esnode cannot lay this file out", detail, range=where),)
        )


def _typed(value: Any) -> Any:
    """Values that are equal only when they are of one type: 1 is not 1.0, and not true."""
    match value:
        case dict():
            return {key: _typed(part) for key, part in value.items()}
        case list():
            return [_typed(part) for part in value]
        case _:
            return type(value).__name__, value


@cache
def _schema(kind: DocumentKind | None) -> Mapping[str, Any]:
    """The grammar that a document's keys are ordered by."""
    match kind:
        case DocumentKind.PROFILE:
            return _profile_order()
        case DocumentKind.NODE:
            return node_schema()
        case DocumentKind.WORLD:
            return world_schema()
        case _:
            return {}


def _profile_order() -> Mapping[str, Any]:
    """The profile's grammar with the parameters of all actions in one place."""
    schema = copy.deepcopy(profile_schema())
    parameters = {name: rule for action in ACTIONS.values() for name, rule in action.parameters.items()}
    policy = schema["properties"]["policies"]["items"]
    policy["properties"]["action"]["properties"]["parameters"]["properties"] = parameters
    return schema
