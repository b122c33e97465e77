"""Manual pages as one page of the documentation, in Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from esnode.model.manual import ManualPage

_HEAD: Final = """# Commands

Every command and every option, from the texts that `-help` and `esnode man` print. `-out plan.json`, `-out=plan.json`
and `--out plan.json` are the same; an option that is on or off takes a value only with `=` (`-lock=false`).
What exit codes mean is in [plans](plans.md#exit-codes).

    esnode [-chdir DIR] COMMAND ...
"""


def commands_page(pages: Sequence[ManualPage]) -> str:
    """All commands, each below the one that it belongs to; the program itself is the head."""
    return "\n".join([_HEAD, *(part for page in pages if page.above for part in _section(page))])


def _section(page: ManualPage) -> Iterator[str]:
    yield f"{'#' * (page.command.count(' ') + 1)} {page.command}\n"
    yield f"    {page.command} {page.synopsis}".rstrip() + "\n"
    yield from (f"{_paragraph(text)}\n" for text in page.description)
    if page.examples:
        yield textwrap.indent("\n".join(page.examples), "    ") + "\n"
    if page.options and not page.commands:
        rows = [f"| `{name.strip()}` | {_cell(about)} |" for name, about in page.options]
        yield "\n".join(["| option | |", "| --- | --- |", *rows]) + "\n"


def _paragraph(text: str) -> str:
    """Indented text is an example and keeps its lines."""
    if text.startswith("  "):
        return textwrap.indent(textwrap.dedent(text), "    ")
    return _plain(" ".join(text.split()))


def _cell(text: str) -> str:
    return _plain(" ".join(text.split())).replace("|", "\\|")


def _plain(text: str) -> str:
    """Nothing that Markdown would take for itself; what is in backticks is meant so."""
    parts = text.split("`")
    return "`".join(part.replace("*", "\\*") if number % 2 == 0 else part for number, part in enumerate(parts))
