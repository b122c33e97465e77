"""What a YAML parser complains about, in words for the person who wrote the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

_TAB = re.compile(r"^ *(\t)")
_UNQUOTED = re.compile(r"""^\s*(?:-\s+)?(?:["']?([\w.-]+)["']?\s*:|-)\s+([>|@`%!*&][^"']*?)\s*(?:\s#.*)?$""")
_TAB_AFTER_COLON = re.compile(r"^[^\t]*?[:-] *(\t)")


class Stop(Exception):
    """The rest of a text cannot be read. Caught within `yaml_text`, never seen outside."""

    def __init__(self, summary: str, detail: str, *, line: int, column: int = 1, end_column: int = 0) -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.line = line
        self.column = column
        self.end_column = end_column or column + 1


class _Spot(NamedTuple):
    """The parser's complaint: where it noticed (line and column from 1), and where the part began."""

    line: int
    column: int
    begin_line: int
    begin_column: int
    problem: str
    context: str
    text: str
    begin_text: str


def explain(wrong: Exception, lines: tuple[str, ...], last_line: int) -> Stop:
    """Any exception of the parser as a sentence with its place. `last_line` is the last one it managed to read."""
    spot = _spot(wrong, lines, last_line)
    for rule in _RULES:
        stop = rule(spot)
        if stop:
            return stop
    return Stop(f"this is not YAML: {spot.problem}", _SEE, line=spot.line, column=spot.column)


_SEE = "Compare it with the lines above; a value with special characters belongs in quotes."


def _spot(wrong: Exception, lines: tuple[str, ...], last_line: int) -> _Spot:
    mark = getattr(wrong, "problem_mark", None)
    begin = getattr(wrong, "context_mark", None) or mark
    line, column = _place(mark, last_line)
    # The end of a text is noticed after its last line: the last line with something in it is the one to show.
    while line > 1 and not _text(lines, line):
        line, column = line - 1, len(_text(lines, line - 1)) + 1
    begin_line, begin_column = _place(begin, line)
    problem = getattr(wrong, "problem", None) or str(wrong).split("\n")[0] or type(wrong).__name__
    context = getattr(wrong, "context", None) or ""
    texts = _text(lines, line), _text(lines, begin_line)
    return _Spot(line, column, begin_line, begin_column, str(problem), str(context), *texts)


def _place(mark: Any, line: int) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark is not None else (line, 1)


def _text(lines: tuple[str, ...], line: int) -> str:
    return lines[line - 1].rstrip() if 0 < line <= len(lines) else ""


def _tab(spot: _Spot) -> Stop | None:
    found = _TAB.match(spot.text)
    if found:
        summary, detail = "a tab is used for indentation", "YAML allows spaces only. Replace the tab by spaces."
        return Stop(summary, detail, line=spot.line, column=found.start(1) + 1)
    found = _TAB_AFTER_COLON.match(spot.text)
    if found and "'\\t'" in spot.problem:
        return Stop(
            "a tab stands before the value", "Replace it by a space.", line=spot.line, column=found.start(1) + 1
        )
    return None


def _unquoted(spot: _Spot) -> Stop | None:
    """`condition: > 82`: a sign that means something else to YAML begins the value."""
    found = _UNQUOTED.match(spot.begin_text)
    line = spot.begin_line
    if not found or found.group(2) in ("|", ">"):
        found, line = _UNQUOTED.match(spot.text), spot.line
    if (
        not found
        or found.group(2) in ("|", ">", "|-", ">-")
        or not re.search("scalar|cannot start", spot.context + spot.problem)
    ):
        return None
    key, value = found.groups()
    example = f'{key}: "{value}"' if key else f'"{value}"'
    return Stop(
        f"{value} must be quoted",
        f"Write {example}. Without quotes, {_MEANS.get(value[0], 'the first character')} in YAML.",
        line=line,
        column=found.start(2) + 1,
        end_column=found.end(2) + 1,
    )


_MEANS = {
    ">": "> begins a folded text",
    "|": "| begins a text of several lines",
    "*": "* refers to an anchor",
    "&": "& names an anchor",
    "!": "! begins a tag",
    "%": "% begins a directive",
    "@": "@ is reserved",
    "`": "` is reserved",
}


def _colon_in_value(spot: _Spot) -> Stop | None:
    if "mapping values are not allowed" not in spot.problem:
        return None
    found = re.match(r"""\s*(?:-\s+)?([\w.-]+):\s+([^"'].*)$""", spot.text)
    if found and spot.column > found.start(2):
        return Stop(
            "a text with a colon must be quoted",
            f"Write {found.group(1)}: '{found.group(2)}'.",
            line=spot.line,
            column=found.start(2) + 1,
            end_column=found.end(2) + 1,
        )
    return _misplaced(spot)


def _indentation(spot: _Spot) -> Stop | None:
    is_block = "expected <block end>" in spot.problem
    before = spot.text[: spot.column - 1].rstrip()
    if is_block and before.endswith(("'", '"')):
        return Stop(
            "there is text after the closing quote",
            "Put the whole value in one pair of quotes; a quote inside 'single quotes' is written twice.",
            line=spot.line,
            column=spot.column,
            end_column=len(spot.text) + 1,
        )
    return _misplaced(spot) if is_block or "sequence entries are not allowed" in spot.problem else None


def _misplaced(spot: _Spot) -> Stop:
    begin = len(spot.text) - len(spot.text.lstrip()) + 1
    detail = "Indent it like the lines it belongs to."
    if spot.begin_line != spot.line and begin == spot.begin_column:
        is_item = spot.text.lstrip().startswith("-")
        needs = '"key: value", this line begins a list item' if is_item else 'a list item, this line lacks the "- "'
        detail = f"After line {spot.begin_line}, this column holds {needs}. {detail}"
    elif spot.begin_line != spot.line:
        began = f"The block it would belong to began in line {spot.begin_line}, column {spot.begin_column}"
        detail = f"{began}; this line begins in column {begin}. {detail}"
    return Stop("wrong indentation", detail, line=spot.line, column=begin, end_column=len(spot.text) + 1)


def _no_colon(spot: _Spot) -> Stop | None:
    if "could not find expected ':'" not in spot.problem:
        return None
    text = spot.begin_text
    begin = len(text) - len(text.lstrip()) + 1
    detail = "Write key: value, or indent the line if it goes on with the text above."
    return Stop("a line without a colon", detail, line=spot.begin_line, column=begin, end_column=len(text) + 1)


def _unclosed(spot: _Spot) -> Stop | None:
    found = re.search(r"quoted scalar|flow (sequence|mapping)", spot.context)
    if not found or "escape" in spot.problem:
        return None
    sign = {"sequence": "[", "mapping": "{"}.get(found.group(1) or "", "quote")
    detail = "Close it." if sign == "quote" else "Close it, or put the comma that is missing between its parts."
    return Stop(f"the {sign} opened here is not closed", detail, line=spot.begin_line, column=spot.begin_column)


def _escape(spot: _Spot) -> Stop | None:
    found = re.search(r"unknown escape character '(.+)'", spot.problem)
    if not found:
        return None
    detail = "In \"double quotes\" a backslash begins an escape: use 'single quotes', or write it twice."
    return Stop(f"\\{found.group(1)} is not an escape", detail, line=spot.line, column=max(spot.column - 1, 1))


_RULES: tuple[Callable[[_Spot], Stop | None], ...] = (
    _tab,
    _unquoted,
    _colon_in_value,
    _indentation,
    _no_colon,
    _unclosed,
    _escape,
)
