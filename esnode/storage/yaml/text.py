"""YAML 1.2 text as plain values, with the place of every part.

Bounded in every direction: bytes, line length, depth, values and aliases are limited before they cost time,
so that no text, however hostile, takes longer than a second or escapes as a traceback. Nothing here knows
what a profile is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from esnode.diagnostics import Diagnostic, Range, error
from esnode.records import dataclass
from esnode.storage.yaml.nodes import Composer, Span, YamlDocument, unprintable
from esnode.storage.yaml.problems import Stop, explain
from esnode.storage.yaml.source import MAX_BYTES, Source, read_source

# The scanner's look-ahead is quadratic within one line ("[[[[...").
MAX_LINE = 8 * 1024

_LINE_BREAK = re.compile("\r\n|\r|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlFile:
    """Every document that could be read, and everything that is wrong with the text as YAML."""

    filename: str
    lines: tuple[str, ...] = ()
    documents: tuple[YamlDocument, ...] = ()
    problems: tuple[Diagnostic, ...] = ()

    def range(self, span: Span) -> Range:
        """A span of this file with its source line, for a diagnostic."""
        return _range(self.filename, self.lines, span)


def read_yaml(path: str) -> YamlFile:
    """The YAML file at `path`. Raises FileUnreadable when there is none or it may not be read, and nothing else."""
    return parse_source(read_source(path))


def parse_source(source: Source) -> YamlFile:
    """A file's bytes as values. Never raises: what is wrong is in `problems`."""
    return _too_large(source.path, source.size) if source.is_too_large else parse_yaml(source.data, source.path)


def parse_yaml(data: bytes, filename: str) -> YamlFile:
    """YAML bytes as values. Never raises: what is wrong is in `problems`."""
    if len(data) > MAX_BYTES:
        return _too_large(filename, len(data))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        return _not_text(data, wrong.start, filename)
    lines = tuple(_LINE_BREAK.split(text))
    composer = Composer(lines)
    try:
        _check_lines(lines)
        for event in yaml_events(text, lines):
            composer.take(event)
    except Stop as stop:
        composer.complain(stop.summary, stop.detail, Span(stop.line, stop.column, stop.end_column))
    problems = [error(summary, detail, range=_range(filename, lines, at)) for summary, detail, at in composer.problems]
    return YamlFile(filename=filename, lines=lines, documents=tuple(composer.documents), problems=tuple(problems))


def yaml_events(text: str, lines: tuple[str, ...]) -> Iterator[Any]:
    """The parser's events, lazily: whoever stops asking stops the scanning, too. Raises Stop only."""
    from ruamel.yaml import YAML

    line = 1
    events = YAML(typ="safe", pure=True).parse(text)
    while True:
        try:
            event = next(events, None)
        # ruamel.yaml lets OverflowError, ValueError and others of its own escape for texts it did not expect.
        except Exception as wrong:
            raise explain(wrong, lines, line) from None
        if event is None:
            return
        line = event.end_mark.line + 1
        yield event


def _check_lines(lines: tuple[str, ...]) -> None:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise Stop(
                f"the line has {len(line):,} characters, more than the {MAX_LINE:,} that a line may have",
                "Write it over several lines.",
                line=number,
            )
        found = unprintable(line)
        if found:
            raise Stop(
                f"the control character U+{ord(found.group()):04X} is not allowed",
                "Remove it; an editor may show it only when asked to.",
                line=number,
                column=found.start() + 1,
            )


def _too_large(filename: str, size: int) -> YamlFile:
    problem = error(
        f"the file has {size:,} bytes, more than the {MAX_BYTES:,} that a file may have",
        "Split it into several files and give each with -f.",
        range=Range(filename=filename, line=1, column=1, end_column=2),
    )
    return YamlFile(filename=filename, problems=(problem,))


def _not_text(data: bytes, start: int, filename: str) -> YamlFile:
    before = data[:start].decode("utf-8-sig", "replace")
    lines = tuple(_LINE_BREAK.split(before))
    at = Span(len(lines), len(lines[-1]) + 1, len(lines[-1]) + 2)
    is_utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    summary = "the file is UTF-16, not UTF-8" if is_utf16 else f"byte 0x{data[start]:02x} is not UTF-8 text"
    problem = error(summary, "Save the file as UTF-8.", range=_range(filename, lines, at))
    return YamlFile(filename=filename, lines=lines, problems=(problem,))


def _range(filename: str, lines: tuple[str, ...], span: Span) -> Range:
    source = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    end = max(span.end_column, span.column + 1)
    return Range(filename=filename, line=span.line, column=span.column, end_column=end, source=source[:MAX_LINE])
