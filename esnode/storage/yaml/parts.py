"""YAML text as its parts: every value with its source, every entry with the comments that belong to it.

ruamel.yaml's own round trip ties a comment to the value before it, so sorting keys would carry comments away.
Here a comment belongs to what follows it, to what stands before it on its line, or to the end of a block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from esnode.records import dataclass, field
from esnode.storage.yaml.text import yaml_events

_COMMENT = re.compile(r"(?:(?<=[ \t\n])|^)#[^\n]*")
_HEADER_COMMENT = re.compile(r"[|>][-+0-9]*[ \t]+(#[^\n]*)")
_DIRECTIVE = re.compile(r"^%[^\n]*", re.MULTILINE)


@dataclass(slots=True)
class Remark:
    """A comment on a line of its own. `is_apart`: an empty line stands above it."""

    text: str
    is_apart: bool


@dataclass(slots=True)
class Part:
    """A value: a scalar with its source, an alias, or a collection with its entries."""

    source: str
    column: int
    start: int
    end: int
    value: str = ""
    style: str = ""
    anchor: str = ""
    alias: str = ""
    entries: list[Entry] | None = None
    is_mapping: bool = False
    is_flow: bool = False
    remarks_below: list[Remark] = field(default_factory=list)

    @property
    def is_block(self) -> bool:
        """Its entries stand on lines of their own."""
        return bool(self.entries) and not self.is_flow


@dataclass(slots=True)
class Entry:
    """A pair of a mapping (with `key`) or an item of a list. `beside` is the comment at the end of its line."""

    value: Part
    key: Part | None = None
    above: list[Remark] = field(default_factory=list)
    beside: str = ""
    is_apart: bool = False

    @property
    def start(self) -> int:
        return self.key.start if self.key else self.value.start


@dataclass(slots=True)
class Document:
    """One document. `head` stands above all of it and stays there whatever the order of its keys.

    `is_head_apart`: an empty line stands below the head.
    """

    root: Part
    directives: list[str]
    head: list[Remark] = field(default_factory=list)
    is_head_apart: bool = False
    has_anchors: bool = False


@dataclass(slots=True)
class _Builder:
    """The tree of a text, from a parser's events."""

    text: str
    documents: list[Document] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    scalars: list[tuple[int, int]] = field(default_factory=list)
    _stack: list[Part] = field(default_factory=list)
    _keys: list[Part | None] = field(default_factory=list)
    _has_anchors: bool = False

    def take(self, event: Any) -> None:
        name = type(event).__name__
        if name == "DocumentStartEvent":
            self.starts.append(event.start_mark.index)
            self._has_anchors = False
        elif name in ("MappingStartEvent", "SequenceStartEvent"):
            part = self._part(event, entries=[], is_mapping=name.startswith("Map"), is_flow=bool(event.flow_style))
            if event.anchor and not part.is_flow:
                part.column = event.end_mark.column
            self._stack.append(part)
            self._keys.append(None)
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            self._keys.pop()
            part = self._stack.pop()
            part.end = event.end_mark.index
            self._add(part)
        elif name == "ScalarEvent":
            self.scalars.append((event.start_mark.index, event.end_mark.index))
            style = event.style if event.style in ("'", '"', "|", ">") else ""
            self._add(self._part(event, value=event.value, style=style))
        elif name == "AliasEvent":
            self._add(self._part(event, alias=event.anchor))

    def _part(self, event: Any, **more: Any) -> Part:
        start, end = event.start_mark, event.end_mark
        anchor = event.anchor if not more.get("alias") and event.anchor else ""
        self._has_anchors = self._has_anchors or bool(anchor)
        return Part(self.text[start.index : end.index], start.column, start.index, end.index, anchor=anchor, **more)

    def _add(self, part: Part) -> None:
        if not self._stack:
            start = self.documents[-1].root.end if self.documents else 0
            between = self.text[start : self.starts[-1]]
            directives = [found.group().partition(" #")[0].rstrip() for found in _DIRECTIVE.finditer(between)]
            self.documents.append(Document(part, directives, has_anchors=self._has_anchors))
            return
        owner, key = self._stack[-1], self._keys[-1]
        if owner.is_mapping and key is None:
            self._keys[-1] = part
            return
        entry = Entry(part, key)
        entry.is_apart = _is_apart(self.text, entry.start)
        (owner.entries if owner.entries is not None else []).append(entry)
        self._keys[-1] = None


def read_documents(text: str) -> tuple[list[Document], list[str]]:
    """The documents of a text that was found to be YAML, with `\\n` for line ends, and every comment, sorted."""
    builder = _read(text)
    # A document begins for its comments where its `---` is; what stands above that belongs to the one before.
    begins = [0, *builder.starts[1:], len(text) + 1]
    comments = list(_comments(text, builder.scalars))
    for number, document in enumerate(builder.documents):
        own = [comment for comment in comments if begins[number] <= comment[0] < begins[number + 1]]
        _Placement(text, document).place(own)
    return builder.documents, sorted(comment for _, comment in comments)


def comments_of(text: str) -> list[str]:
    """Every comment of a text, sorted: what must be the same before and after."""
    return sorted(comment for _, comment in _comments(text, _read(text).scalars))


def _read(text: str) -> _Builder:
    builder = _Builder(text)
    for event in yaml_events(text, tuple(text.split("\n"))):
        builder.take(event)
    return builder


def _comments(text: str, scalars: list[tuple[int, int]]) -> Iterator[tuple[int, str]]:
    """Every comment and its place: a # behind a space, outside of the scalars, or in the head of a block scalar."""
    begin = 0
    for start, end in [*scalars, (len(text), len(text))]:
        yield from (
            (found.start(), found.group().rstrip()) for found in _COMMENT.finditer(text, begin, max(begin, start))
        )
        header = _HEADER_COMMENT.search(text[start:end].partition("\n")[0])
        if header and text[start:end].lstrip()[:1] in "|>&":
            yield start + header.start(1), header.group(1).rstrip()
        begin = max(begin, end)


def _is_apart(text: str, at: int) -> bool:
    """Whether the line above the one that holds `at` is empty."""
    line = text.rfind("\n", 0, at)
    return line > 0 and not text[text.rfind("\n", 0, line) + 1 : line].strip()


class _Placement:
    """Gives each comment of a document to the entry, or the block, that it speaks of."""

    def __init__(self, text: str, document: Document) -> None:
        self.text = text
        self.document = document
        self.entries: list[tuple[Entry, tuple[Part, ...]]] = []

    def _list(self, part: Part, around: tuple[Part, ...]) -> None:
        """Every entry that gets a line, in the order of the text, with the blocks around it."""
        for entry in (part.entries or ()) if part.is_block else ():
            self.entries.append((entry, (*around, part)))
            self._list(entry.value, (*around, part))

    def place(self, comments: list[tuple[int, str]]) -> None:
        for at, _ in comments:
            self._open_flows(self.document.root, at)
        self._list(self.document.root, ())
        for at, comment in comments:
            self._place(at, comment)
        if self.entries and not self.document.head:
            first = self.entries[0][0]
            self.document.head, first.above = first.above, []
            self.document.is_head_apart, first.is_apart = first.is_apart, False

    def _open_flows(self, part: Part, at: int) -> None:
        """A flow collection with a comment inside is written as a block: there a comment has a place."""
        if part.is_flow and part.entries and part.start < at < part.end:
            part.is_flow = False
            part.column = 0
        for entry in part.entries or ():
            self._open_flows(entry.value, at)

    def _place(self, at: int, comment: str) -> None:
        line = self.text.rfind("\n", 0, at) + 1
        before = [pair for pair in self.entries if pair[0].start < at]
        after = next((pair for pair in self.entries if pair[0].start > at), None)
        is_alone = not self.text[line:at].strip()
        if before and not is_alone and self._ends_here(before[-1][0], line) and not before[-1][0].beside:
            before[-1][0].beside = comment
            return
        remark = Remark(comment, is_alone and _is_apart(self.text, at))
        column = at - line
        owner = self._ended_block(before, after, column)
        if owner is not None:
            owner.remarks_below.append(remark)
        elif after is not None:
            after[0].above.append(remark)
        elif self.entries or self.document.root.start < at:
            self.document.root.remarks_below.append(remark)
        else:
            self.document.head.append(remark)

    def _ends_here(self, entry: Entry, line: int) -> bool:
        """Whether the line belongs to the entry: its key, or the end of its value, is on it."""
        ends = [entry.start, entry.key.end if entry.key else 0]
        return any(end > line for end in ends) or (not entry.value.is_block and entry.value.end > line)

    def _ended_block(
        self, before: list[tuple[Entry, tuple[Part, ...]]], after: tuple[Entry, tuple[Part, ...]] | None, column: int
    ) -> Part | None:
        """The innermost block that ended above the comment and that the comment is indented like."""
        if not before or (after is not None and column <= after[1][-1].column):
            return None
        still_open = [id(part) for part in after[1]] if after else []
        ended = [part for part in before[-1][1] if id(part) not in still_open and part.column <= column]
        deepest = max((part.column for part in ended), default=0)
        return next((part for part in ended if part.column == deepest), None)
