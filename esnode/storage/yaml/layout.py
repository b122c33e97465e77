"""The canonical layout of YAML: two spaces, lists indented, keys in a schema's order, comments where they belong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from esnode.records import dataclass
from esnode.storage.yaml.nodes import plain_value
from esnode.storage.yaml.parts import Document, Entry, Part, Remark
from esnode.storage.yaml.scalars import folded, scalar

WIDTH = 120
_STEP = 2

Schema = Mapping[str, Any]


@dataclass(slots=True)
class _Line:
    """One line of the result; `is_raw` lines are the inside of a text and keep what they are."""

    text: str
    beside: str = ""
    is_apart: bool = False
    is_raw: bool = False


def layout(documents: list[Document], schemas: list[Schema]) -> str:
    """The text of documents, each in the order of its schema."""
    lines: list[_Line] = []
    for number, (document, schema) in enumerate(zip(documents, schemas, strict=True)):
        if number or document.directives:
            lines += [_Line(line) for line in document.directives]
            lines.append(_Line("---"))
        head, body = list(_remarks(document.head, 0)), list(_root(document, schema))
        if body:
            body[0].is_apart = document.is_head_apart and bool(head)
        for line in (head or body)[:1]:
            line.is_apart = False
        lines += head + body
    return _joined(lines)


def _root(document: Document, schema: Schema) -> Iterator[_Line]:
    root = document.root
    if root.is_block:
        if root.anchor:
            yield _Line(f"&{root.anchor}")
        yield from _block(root, 0, schema, is_sorted=not document.has_anchors)
    else:
        yield from (_Line(line) for line in _inline(root, 0).split("\n"))
        yield from _remarks(root.remarks_below, 0)


def _block(part: Part, indent: int, schema: Schema, *, is_sorted: bool) -> Iterator[_Line]:
    entries = part.entries or []
    if part.is_mapping and is_sorted:
        entries = sorted(entries, key=lambda entry: _rank(entry, schema))
    for number, entry in enumerate(entries):
        lines = list(_entry(entry, indent, _below(schema, entry), is_sorted=is_sorted))
        if not number:
            lines[0].is_apart = False
        yield from lines
    yield from _remarks(part.remarks_below, indent)


def _rank(entry: Entry, schema: Schema) -> int:
    names = list(schema.get("properties", {}))
    name = entry.key.value if entry.key else ""
    return names.index(name) if name in names else len(names)


def _entry(entry: Entry, indent: int, schema: Schema, *, is_sorted: bool) -> Iterator[_Line]:
    yield from _remarks(entry.above, indent)
    if entry.key is not None:
        yield from _pair(entry, entry.key, indent, schema, is_sorted=is_sorted)
    else:
        yield from _item(entry, indent, schema, is_sorted=is_sorted)


def _pair(entry: Entry, key: Part, indent: int, schema: Schema, *, is_sorted: bool) -> Iterator[_Line]:
    name = _anchored(key, scalar(key.value, is_plain=not key.style)) if not key.alias else f"*{key.alias} "
    begin = " " * indent + name + ":"
    if _is_long(entry, indent + len(name) + 2):
        head = f"{begin} &{entry.value.anchor}" if entry.value.anchor else begin
        yield _Line(head, entry.beside, entry.is_apart)
        yield from _block(entry.value, indent + _STEP, schema, is_sorted=is_sorted)
        return
    yield from _value_lines(entry, begin, indent + _STEP)


def _item(entry: Entry, indent: int, schema: Schema, *, is_sorted: bool) -> Iterator[_Line]:
    begin = " " * indent + "-"
    if not _is_long(entry, indent + 2):
        yield from _value_lines(entry, begin, indent + _STEP)
        return
    if entry.value.anchor:
        yield _Line(f"{begin} &{entry.value.anchor}", entry.beside, entry.is_apart)
        yield from _block(entry.value, indent + _STEP, schema, is_sorted=is_sorted)
        return
    if entry.beside:
        yield _Line(" " * indent + entry.beside, is_apart=entry.is_apart)
    lines = list(_block(entry.value, indent + _STEP, schema, is_sorted=is_sorted))
    # What stands above the first key stands above its dash.
    first = next(number for number, line in enumerate(lines) if not line.text.lstrip().startswith("#"))
    for line in lines[:first]:
        line.text = line.text.removeprefix(" " * _STEP)
    lines[first].text = begin + lines[first].text.removeprefix(" " * (indent + 1))
    lines[first].is_apart = lines[first].is_apart and first > 0
    lines[0].is_apart = entry.is_apart and not entry.beside
    yield from lines


def _value_lines(entry: Entry, begin: str, indent: int) -> Iterator[_Line]:
    first, *more = _inline(entry.value, indent, len(begin) + 1).split("\n")
    text = f"{begin} {first}".rstrip()
    is_text_block = entry.value.style in ("|", ">") and bool(more)
    # A comment behind a text of several lines stands at its last line, or beside the sign that begins the block.
    yield _Line(text, entry.beside if is_text_block or not more else "", entry.is_apart)
    for number, line in enumerate(more, 1):
        is_last = number == len(more) and not is_text_block
        yield _Line(line, entry.beside if is_last else "", is_raw=True)
    yield from _remarks(entry.value.remarks_below, max(indent - _STEP, 0))


def _is_long(entry: Entry, column: int) -> bool:
    """Whether a collection is written as a block: it was one, or its line would be too long."""
    part = entry.value
    if not part.entries:
        return False
    return part.is_block or _has_block(part) or column + len(_inline(part, 0)) > WIDTH


def _has_block(part: Part) -> bool:
    return any(entry.value.is_block or _has_block(entry.value) for entry in part.entries or ())


def _inline(part: Part, indent: int, column: int = 0, *, in_flow: bool = False) -> str:
    """A value behind its key: one line, or, of a long text, more of them."""
    if part.alias:
        return f"*{part.alias}"
    if part.entries is not None:
        return _anchored(part, _flow(part))
    if part.style in ("|", ">"):
        kept = "" if in_flow else _text_block(part, indent)
        return _anchored(part, kept or scalar(part.value, in_flow=in_flow))
    if not part.style and part.value and not isinstance(plain_value(part.value), str):
        return _anchored(part, part.value)
    if not part.style and not part.value:
        return f"&{part.anchor}" if part.anchor else ""
    line = scalar(part.value, is_plain=not part.style, in_flow=in_flow)
    if "\n" in part.source and not in_flow and column + len(line) > WIDTH:
        return _anchored(part, "\n".join(folded(line, WIDTH, max(indent, _STEP))))
    return _anchored(part, line)


def _flow(part: Part) -> str:
    values = []
    for entry in part.entries or ():
        value = _inline(entry.value, 0, in_flow=True)
        key = entry.key
        name = "" if key is None else _anchored(key, scalar(key.value, is_plain=not key.style, in_flow=True))
        values.append(f"{name}: {value or 'null'}" if key is not None else value or "null")
    inside = ", ".join(values)
    return f"{{{inside}}}" if part.is_mapping else f"[{inside}]"


def _text_block(part: Part, indent: int) -> str:
    """A text of several lines as it was written, moved to its new indentation; "" where that cannot be exact."""
    header, _, body = part.source.partition("\n")
    found = re.search(r"([|>])([-+0-9]*)(?:\s|$)", header)
    if not found or re.search(r"[0-9+]", found.group(2)) or not part.value.strip("\n"):
        return ""
    lines = body.rstrip(" \n").split("\n")
    depth = min(len(line) - len(line.lstrip(" ")) for line in lines if line.strip())
    if part.value[:1] in (" ", "\n", "\t"):
        return ""
    moved = [" " * max(indent, _STEP) + line[depth:] if line.strip() else line[depth:] for line in lines]
    return "\n".join([found.group(1) + found.group(2), *moved])


def _anchored(part: Part, text: str) -> str:
    return f"&{part.anchor} {text}" if part.anchor else text


def _remarks(remarks: list[Remark], indent: int) -> Iterator[_Line]:
    yield from (_Line(" " * indent + remark.text, is_apart=remark.is_apart) for remark in remarks)


def _below(schema: Schema, entry: Entry) -> Schema:
    """The schema of an entry's value; for alternatives, the one that says most about keys."""
    if entry.key is None:
        below = schema.get("items", {})
    else:
        below = schema.get("properties", {}).get(entry.key.value, schema.get("additionalProperties", {}))
    choices = [below, *(below.get("anyOf", ()) if isinstance(below, dict) else ())]
    usable = [choice for choice in choices if isinstance(choice, dict)]
    wanted = "properties" if entry.value.is_mapping else "items"
    return next((choice for choice in usable if wanted in choice), usable[0] if usable else {})


def _joined(lines: list[_Line]) -> str:
    """The lines with their comments: those of neighbours begin in one column, as in Terraform's files."""
    written: list[str] = []
    number = 0
    while number < len(lines):
        group = [lines[number]]
        while number + len(group) < len(lines) and _are_neighbours(group[-1], lines[number + len(group)]):
            group.append(lines[number + len(group)])
        column = max(len(line.text) for line in group)
        for line in group:
            written += [""] * line.is_apart
            written.append(f"{line.text:<{column}}  {line.beside}" if line.beside else line.text)
        number += len(group)
    return "\n".join(written) + "\n" if written else ""


def _are_neighbours(one: _Line, other: _Line) -> bool:
    indents = [len(line.text) - len(line.text.lstrip()) for line in (one, other)]
    return bool(one.beside and other.beside) and not other.is_apart and indents[0] == indents[1]
