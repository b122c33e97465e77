"""Manual pages in roff, as man(7) has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from esnode.errors import FileUnwritable
from esnode.model.manual import ManualPage
from esnode.views.jsonlines import emit_document
from esnode.views.text import write

EXIT_STATUS = {
    0: "Done, or nothing to do.",
    1: "An error; a mistake in the command line, too.",
    2: "With -detailed-exitcode, or of scan: there are changes, or drift.",
    3: "A saved plan was refused and nothing was touched. Of fmt -check: a file is not formatted.",
    4: "An apply began, and not every change was made.",
    5: "The state's lock was not to be had.",
    130: "Interrupted.",
}
ENVIRONMENT = (
    ("ESNODE_STATE", "The state file, as -state."),
    ("ESNODE_NODE", "The node file, as -node."),
    ("ESNODE_SIMULATE", "The world file of a simulated machine, as -simulate."),
    ("ESNODE_TAGS, ESNODE_LABELS", "Tags and labels of this machine, as -tag and -label: k=v,k=v."),
    ("ESNODE_RUNTIME_DIR", "Where each GPU's claim is kept, /run/esnode without it."),
    ("ESNODE_LOG", "debug: show the traceback of an error of esnode's own."),
    ("NO_COLOR", "No colour, whatever its value."),
)
FILES = (
    ("*.es, *.esnode.yaml", "Profiles of the working directory, read where no -f is given."),
    (
        "esnode.state.json",
        "The state: what is managed, and what it was before. esnode.state.json.backup is the one before.",
    ),
    ("/etc/esnode/node.yaml", "The node file: tags, labels, channels, what this machine forbids."),
    ("/run/esnode/", "Which state file answers for which GPU."),
)


def page_text(page: ManualPage) -> str:
    """The page in roff."""
    return "\n".join(_lines(page)) + "\n"


def show_page(page: ManualPage, *, as_json: bool) -> None:
    if as_json:
        emit_document({"name": page.name, "page": page_text(page)})
    else:
        write(page_text(page).rstrip("\n"))


def write_pages(pages: Sequence[ManualPage], folder: Path, *, as_json: bool) -> None:
    """Write each page as NAME.1, and say with `as_json` which. Raises FileUnwritable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for page in pages:
            (folder / f"{page.name}.1").write_text(page_text(page), encoding="utf-8")
    except OSError as failure:
        raise FileUnwritable(f"the pages cannot be written to {folder}: {failure.strerror}") from None
    if as_json:
        emit_document({"written": [str(folder / f"{page.name}.1") for page in pages]})


def _lines(page: ManualPage) -> Iterator[str]:
    yield f'.TH {_quoted(page.name.upper())} 1 "" "esnode" "esnode manual"'
    yield from (".SH NAME", f"{_roff(page.name)} \\- {_roff(page.summary[:1].lower() + page.summary[1:])}")
    yield from (".SH SYNOPSIS", f".B {_roff(page.command)}", *([_roff(page.synopsis)] if page.synopsis else []))
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(page.description):
        yield from _paragraph(paragraph, is_first=not number)
    yield from _listed("COMMANDS", page.commands)
    yield from _listed("OPTIONS", page.options)
    yield from _listed("EXIT STATUS", ((str(code), EXIT_STATUS[code]) for code in page.exit_codes))
    yield from _listed("ENVIRONMENT", ENVIRONMENT)
    yield from _listed("FILES", FILES)
    if page.examples:
        yield from (".SH EXAMPLES", ".nf", *(_roff(line) for line in page.examples), ".fi")
    yield ".SH SEE ALSO"
    above = [page.above] if page.above else []
    below = [f"{page.name}-{name}" for name, _ in page.commands]
    yield ", ".join(f"\\fB{_roff(name)}\\fR(1)" for name in [*above, *below])


def _paragraph(text: str, *, is_first: bool) -> Iterator[str]:
    """Indented text is an example and keeps its lines."""
    if text.startswith("  "):
        yield from (".PP", ".nf", *(_roff(line) for line in text.split("\n")), ".fi")
        return
    if not is_first:
        yield ".PP"
    yield _roff(" ".join(text.split()))


def _listed(heading: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for number, (name, about) in enumerate(rows):
        if not number:
            yield f".SH {heading}"
        yield from (".TP", f".B {_roff(name.strip())}", _roff(" ".join(about.split())))


def _roff(text: str) -> str:
    """Text that roff takes as it is: backslashes, hyphens as they are typed, no request at the start of a line."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return re.sub(r"^([.'])", r"\\&\1", escaped)


def _quoted(text: str) -> str:
    return f'"{_roff(text)}"'
