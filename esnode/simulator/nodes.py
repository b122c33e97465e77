"""YAML text as values that know their line, and the parsers of a world file's single values.

ruamel.yaml is imported only when a file is really parsed: a world whose registers are up to date is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

from esnode.diagnostics import Range, error
from esnode.errors import BadValue, WorldInvalid
from esnode.records import dataclass
from esnode.units import parse_duration

T = TypeVar("T")

_LARGEST_FILE: Final = 256 * 1024
_MOST_NODES: Final = 20_000
_DEEPEST: Final = 20
_SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    "int": lambda text: int(text.replace("_", ""), 0),
    "float": lambda text: float(text.replace("_", "")),
    "bool": lambda text: text.lower() == "true",
    "null": lambda _text: None,
}


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file: a scalar, a list of Node or a dict of Node, and the line where it begins."""

    value: Any
    line: int


class Source:
    """One world file: its errors name it and the line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[str] = []

    def wrong(self, node: Node | int, problem: str, next_step: str = "") -> WorldInvalid:
        line = node if isinstance(node, int) else node.line
        wrong = WorldInvalid(f"{self.path}:{line}: {problem}", next_step=next_step)
        wrong.problem = error(problem, next_step, range=self._range(line))
        return wrong

    def _range(self, line: int) -> Range:
        """The whole of a line, and the line."""
        source = self.lines[line - 1].rstrip() if line <= len(self.lines) else ""
        begin = len(source) - len(source.lstrip()) + 1
        end = max(len(source), begin) + 1
        return Range(filename=str(self.path), line=line, column=begin, end_column=end, source=source)

    def parse(self, text: bytes) -> Node:
        """The document's root. Raises WorldInvalid for what is not one YAML document."""
        try:
            from ruamel.yaml import YAML
            from ruamel.yaml.error import MarkedYAMLError, YAMLError
        except ImportError:  # a program of another environment, beneath the hook
            raise WorldInvalid(
                f"{self.path} was edited, and this program's environment has no ruamel.yaml to read it with",
                next_step="Run `esnode sim show` once: it brings the machine's registers up to date.",
            ) from None
        if len(text) > _LARGEST_FILE:
            raise self.wrong(1, f"the file has more than {_LARGEST_FILE:,} bytes")
        self.lines = text.decode("utf-8-sig", "replace").splitlines()
        try:
            root = YAML(typ="safe", pure=True).compose(text.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise self.wrong(1, "the file is not UTF-8 text") from None
        except MarkedYAMLError as problem:
            mark = problem.problem_mark
            raise self.wrong(mark.line + 1 if mark else 1, f"not YAML: {problem.problem}") from None
        except (YAMLError, ValueError, RecursionError) as problem:
            raise self.wrong(1, f"not YAML: {problem}") from None
        if root is None:
            raise self.wrong(1, "the file is empty", "Write one with `esnode sim init`.")
        self._count = 0
        return self._convert(root, 0)

    def _convert(self, node: Any, depth: int) -> Node:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > _MOST_NODES or depth > _DEEPEST:
            raise self.wrong(line, "the file has too many values, or too many levels")
        if node.id == "mapping":
            return Node(self._convert_mapping(node, depth), line)
        if node.id == "sequence":
            return Node([self._convert(item, depth + 1) for item in node.value], line)
        convert = _SCALARS.get(str(node.tag).rpartition(":")[2], str)
        try:
            return Node(convert(node.value), line)
        except ValueError:
            raise self.wrong(line, f'"{node.value}" cannot be read') from None

    def _convert_mapping(self, node: Any, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in found:
                raise self.wrong(key.start_mark.line + 1, f'"{name}" stands here twice')
            found[name] = self._convert(value, depth + 1)
        return found

    # -- reading values ------------------------------------------------------------------------

    def mapping(self, node: Node, known: Iterable[str], what: str) -> dict[str, Node]:
        """The node as a mapping of known names only. A name with an empty value counts as absent."""
        if not isinstance(node.value, dict):
            raise self.wrong(node, f"{what} must be a mapping (name: value)")
        names = list(known)
        for name, value in node.value.items():
            if name not in names:
                raise self.wrong(value, f'{what} has no "{name}"', did_you_mean(name, names))
        return {name: value for name, value in node.value.items() if value.value is not None}

    def items(self, node: Node, what: str) -> list[Node]:
        if not isinstance(node.value, list):
            raise self.wrong(node, f"{what} must be a list")
        return node.value

    def text(self, node: Node) -> str:
        if isinstance(node.value, bool | list | dict) or node.value == "":
            raise self.wrong(node, "a text is needed here")
        return str(node.value)

    def switch(self, node: Node) -> bool:
        if not isinstance(node.value, bool):
            raise self.wrong(node, f'"{node.value}" is not true or false')
        return node.value

    def number(self, node: Node, low: float, high: float) -> float:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong(node, f'"{value}" is not a number')
        if not low <= value <= high:
            raise self.wrong(node, f"{value} is not between {low:g} and {high:g}")
        return float(value)

    def whole(self, node: Node, low: int, high: int) -> int:
        value = self.number(node, low, high)
        if value != int(value):
            raise self.wrong(node, f"{node.value} is not a whole number")
        return int(value)

    def choice(self, node: Node, words: Iterable[str]) -> str:
        known = list(words)
        if node.value not in known:
            raise self.wrong(node, f'"{node.value}" is not one of {", ".join(known)}', did_you_mean(node.value, known))
        return str(node.value)

    def duration(self, node: Node) -> float:
        """Seconds: `90s`, `5m`, or a plain number of seconds."""
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return self.number(node, 0, 366 * 86400)
        try:
            return parse_duration(self.text(node))
        except BadValue as problem:
            raise self.wrong(node, problem.summary, problem.next_step) from None


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The next step for a word that nobody knows: the nearest one, else all of them."""
    from difflib import get_close_matches

    names = list(known)
    near = get_close_matches(str(word), names, n=1)
    return f'Did you mean "{near[0]}"?' if near else f"Known here: {', '.join(names)}."
