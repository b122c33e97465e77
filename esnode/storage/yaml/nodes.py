"""From the events of a YAML parser to documents: values, places, and complaints that leave the rest readable.

Events are composed with an explicit stack, aliases are counted before they are expanded, and every value is
resolved by the core schema of YAML 1.2 (so `on` and `yes` are text, `0o17` is a number).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from esnode.model.profile import Path
from esnode.records import dataclass, field
from esnode.storage.yaml.problems import Stop

MAX_VALUES = 10_000
MAX_ALIASES = 200
MAX_DEPTH = 40

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_LONGEST_NUMBER = 40
_NOT_A_NUMBER = (
    "the number is too large, or none at all",
    "Write a number of at most 15 digits; .inf and .nan have no meaning here.",
)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one line; line and columns count from 1, `end_column` is the one after the last character."""

    line: int
    column: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, and its key when it has one. A value of several lines is best shown by its key."""

    value: Span
    key: Span | None = None
    is_block: bool = False

    @property
    def best(self) -> Span:
        return self.key if self.key and self.is_block else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlDocument:
    """One document: plain values, the place of every path, and the paths that were complained about already."""

    value: Any
    places: Mapping[Path, Place]
    spoiled: frozenset[Path]


def unprintable(text: str) -> re.Match[str] | None:
    """The first character that neither YAML nor a terminal should see: controls, surrogates, a stray BOM."""
    return None if text.isascii() and text.isprintable() else _UNPRINTABLE.search(text)


def unusable(value: Any) -> tuple[str, str] | None:
    """Why a single value cannot be part of a document (summary, detail); None when it can.

    What is refused has no canonical JSON form, or would reach a terminal as a control sequence.
    """
    match value:
        case str():
            found = unprintable(value)
            what = f"the text holds the control character U+{ord(found.group()):04X}" if found else ""
            return (what, "Write the text without it.") if found else None
        case float() if value != value or abs(value) == float("inf"):
            return _NOT_A_NUMBER
        case int() if abs(value) >= 2**53:
            return _NOT_A_NUMBER
    return None


def plain_value(text: str) -> Any:
    """An unquoted scalar by the core schema of YAML 1.2. A number too long to be one becomes infinite."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text[2:] if base != 10 else text, base) if len(text) <= _LONGEST_NUMBER else float("inf")
    if _FLOAT.fullmatch(text):
        return float(text.replace(".i", "i").replace(".I", "i").replace(".n", "n").replace(".N", "n"))
    return text


@dataclass(slots=True)
class _Node:
    """A value under construction. `size` and `height` are those of the expanded value."""

    span: Span
    value: Any = None
    is_block: bool = False
    is_open: bool = False
    is_spoiled: bool = False
    size: int = 1
    height: int = 1
    pairs: dict[str, tuple[_Node, _Node]] | None = None
    items: list[_Node] | None = None
    key: _Node | None = None


@dataclass(slots=True)
class Composer:
    """Takes events one by one. Raises Stop for what makes the rest unreadable; everything else is collected."""

    lines: tuple[str, ...]
    documents: list[YamlDocument] = field(default_factory=list)
    problems: list[tuple[str, str, Span]] = field(default_factory=list)
    _stack: list[_Node] = field(default_factory=list)
    _anchors: dict[str, _Node] = field(default_factory=dict)
    _aliases: int = 0
    _values: int = 0

    def take(self, event: Any) -> None:
        match type(event).__name__:
            case "ScalarEvent":
                self._scalar(event)
            case "AliasEvent":
                self._alias(event)
            case "MappingStartEvent":
                self._open(event, _Node(self._span(event), pairs={}))
            case "SequenceStartEvent":
                self._open(event, _Node(self._span(event), items=[]))
            case "MappingEndEvent" | "SequenceEndEvent":
                self._close(event)
            case "DocumentStartEvent":
                self._anchors = {}

    def complain(self, summary: str, detail: str, span: Span) -> None:
        self.problems.append((summary, detail, span))

    def _scalar(self, event: Any) -> None:
        # A value that is not there, or that begins on its key's line and goes on below, is best shown by its key.
        node = _Node(self._span(event), event.value, is_block=event.style in ("|", ">") or not event.value)
        if event.value == "" and event.style in ("'", '"'):
            node.is_block = False
        if event.implicit[0]:
            node.value = plain_value(event.value)
        wrong = unusable(node.value) or _tagged(event)
        if wrong:
            self.complain(*wrong, node.span)
            node.value, node.is_spoiled = "", True
        self._count(1, node.span)
        self._remember(event, node)
        self._add(node)

    def _alias(self, event: Any) -> None:
        span = self._span(event)
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise _stop(f"the file has more than {MAX_ALIASES} aliases", "Write the values out.", span)
        node = self._anchors.get(event.anchor)
        if node is None or node.is_open:
            self.complain(*_dead_alias(event.anchor, node), span)
            node = _Node(span, "", is_spoiled=True)
        self._count(node.size, span)
        self._check_depth(len(self._stack) + node.height, span)
        self._add(node)

    def _open(self, event: Any, node: _Node) -> None:
        node.is_block, node.is_open = not event.flow_style, True
        wrong = _tagged(event)
        if wrong:
            self.complain(*wrong, node.span)
        node.span = Span(node.span.line, node.span.column, self._line_end(node.span))
        self._count(1, node.span)
        self._remember(event, node)
        self._stack.append(node)
        self._check_depth(len(self._stack), node.span)

    def _close(self, event: Any) -> None:
        node, end = self._stack.pop(), event.end_mark
        node.is_open = False
        if not node.is_block and end.line + 1 == node.span.line:
            node.span = Span(node.span.line, node.span.column, end.column + 1)
        else:
            node.is_block = True
        self._add(node)

    def _add(self, node: _Node) -> None:
        """Hands a finished value to the container around it, or ends the document."""
        if not self._stack:
            self.documents.append(_document(node))
            return
        parent = self._stack[-1]
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)
        if parent.items is not None:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            self._pair(parent, parent.key, node)
            parent.key = None

    def _pair(self, parent: _Node, key: _Node, value: _Node) -> None:
        known = parent.pairs if parent.pairs is not None else {}
        if key.is_spoiled or key.value is None:
            parent.is_spoiled = True
        wrong = None if key.is_spoiled else _bad_key(key)
        if not wrong and key.value in known:
            line = known[key.value][0].span.line
            wrong = f'duplicate key "{key.value}"', f"It stands already in line {line}. Remove one of the two."
        if wrong:
            self.complain(*wrong, key.span)
        elif not key.is_spoiled:
            known[key.value] = (key, value)

    def _remember(self, event: Any, node: _Node) -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = node

    def _count(self, values: int, span: Span) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            by = " once its aliases are expanded" if self._aliases else ""
            raise _stop(f"the file holds more than {MAX_VALUES:,} values{by}", "Split it into several files.", span)

    def _check_depth(self, depth: int, span: Span) -> None:
        if depth > MAX_DEPTH:
            raise _stop(f"values are nested more than {MAX_DEPTH} deep", "Write them less deeply nested.", span)

    def _span(self, event: Any) -> Span:
        """An event's stretch of its first line."""
        start, end = event.start_mark, event.end_mark
        at = Span(start.line + 1, start.column + 1, start.column + 2)
        if end.line != start.line:
            return Span(at.line, at.column, self._line_end(at))
        return Span(at.line, at.column, max(end.column, start.column) + 1)

    def _line_end(self, span: Span) -> int:
        line = self.lines[span.line - 1] if span.line <= len(self.lines) else ""
        return max(len(line.rstrip()), span.column) + 1


def _document(root: _Node) -> YamlDocument:
    """Values and places of a finished tree, aliases expanded. Depth and size are bounded by now."""
    places: dict[Path, Place] = {}
    spoiled: set[Path] = set()

    def build(node: _Node, path: Path, key: Span | None) -> Any:
        places[path] = Place(node.span, key, node.is_block)
        if node.is_spoiled:
            spoiled.add(path)
        if node.pairs is not None:
            return {name: build(value, (*path, name), at.span) for name, (at, value) in node.pairs.items()}
        if node.items is not None:
            return [build(item, (*path, index), None) for index, item in enumerate(node.items)]
        return node.value

    return YamlDocument(value=build(root, (), None), places=places, spoiled=frozenset(spoiled))


def _tagged(event: Any) -> tuple[str, str] | None:
    tag = str(event.ctag) if event.ctag is not None else ""
    if tag.startswith("!="):
        return "a condition that begins with != must be quoted", 'Write it in quotes, like "!= 5".'
    return (f"the tag {tag} is not used here", "Remove it; to make a value text, put it in quotes.") if tag else None


def _dead_alias(name: str, node: _Node | None) -> tuple[str, str]:
    if node:
        return f"the alias *{name} stands inside the value that it refers to", "Write the value out."
    return (
        f"the text *{name} must be quoted",
        f'Write "*{name}". Without quotes, an asterisk refers to an anchor &{name}, and there is none.',
    )


def _bad_key(key: _Node) -> tuple[str, str] | None:
    match key.value:
        case "<<":
            return 'the merge key "<<" is not part of YAML 1.2', "Write the keys out."
        case str():
            return None
        case None if key.pairs is not None:
            return "a key must be text, found a mapping", "A template such as {{ name }} must be rendered first."
        case None if key.items is not None:
            return "a key must be text, found a list", "Write a word as the key."
        case None:
            return "a key must be text, found nothing", "Write the key before the colon."
        case value:
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            return f"the key {shown} must be text", f'Put it in quotes: "{shown}".'


def _stop(summary: str, detail: str, span: Span) -> Stop:
    return Stop(summary, detail, line=span.line, column=span.column, end_column=span.end_column)
