"""An XML file as a tree that remembers its lines, for files that anybody may have written.

expat is used directly because `xml.etree` keeps no line numbers. Entities are refused, nothing
outside of the file is ever opened, and size, depth and number of elements are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.parsers import expat  # entity declarations are refused below

from esnode.errors import CaptureInvalid, FileUnreadable
from esnode.records import dataclass, field

_LARGEST_FILE: Final = 64 * 2**20
_DEEPEST: Final = 32
_MOST_ELEMENTS: Final = 500_000  # eight GPUs have some 4,300


@dataclass(slots=True)
class Element:
    """One element: its own text without that of its children, and the line on which it begins."""

    name: str
    line: int
    texts: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts).strip()

    def all(self, name: str) -> Iterator[Element]:
        return (child for child in self.children if child.name == name)

    def find(self, path: str) -> Element | None:
        """The first element at a path such as `utilization/gpu_util`."""
        here: Element | None = self
        for name in path.split("/"):
            here = next(here.all(name), None) if here else None
        return here


def invalid(path: Path, line: int, problem: str) -> CaptureInvalid:
    """The error for a file that is no capture, naming file and line."""
    return CaptureInvalid(
        f"{path}:{line}: {problem}",
        next_step="Write the file anew with `nvidia-smi -q -x > FILE` on the machine itself.",
    )


def read_xml(path: Path) -> Element:
    """The document's root element. Raises FileUnreadable, and CaptureInvalid with file and line."""
    return _Reader(path).parse(_text_of(path))


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise FileUnreadable(f"{path} cannot be read: {reason}") from None
    if len(data) > _LARGEST_FILE:
        raise invalid(path, 1, f"the file is larger than {_LARGEST_FILE // 2**20} MiB, so it is not a capture")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = data.count(b"\n", 0, wrong.start) + 1
        raise invalid(path, line, f"not UTF-8 text (byte {wrong.start})") from None


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.open: list[Element] = []
        self.root: Element | None = None
        # The text is decoded already: whatever encoding the document declares, it is not asked.
        self.expat = expat.ParserCreate(encoding="utf-8")
        self.expat.buffer_text = True
        self.expat.StartElementHandler = self._begin
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self._add_text
        self.expat.EntityDeclHandler = self._refuse_entity

    def parse(self, text: str) -> Element:
        try:
            self.expat.Parse(text.encode("utf-8"), True)
        except expat.ExpatError as problem:
            raise invalid(self.path, problem.lineno, f"not XML: {expat.ErrorString(problem.code)}") from None
        if self.root is None:
            raise invalid(self.path, 1, "the file has no element")
        return self.root

    def _begin(self, name: str, _attributes: dict[str, str]) -> None:
        if len(self.open) >= _DEEPEST:
            raise invalid(self.path, self.expat.CurrentLineNumber, f"elements are nested more than {_DEEPEST} deep")
        self.count += 1
        if self.count > _MOST_ELEMENTS:
            raise invalid(self.path, self.expat.CurrentLineNumber, f"more than {_MOST_ELEMENTS} elements")
        element = Element(name, self.expat.CurrentLineNumber)
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def _end(self, _name: str) -> None:
        self.open.pop()

    def _add_text(self, text: str) -> None:
        if self.open:
            self.open[-1].texts.append(text)

    def _refuse_entity(self, name: str, *_rest: object) -> None:
        raise invalid(self.path, self.expat.CurrentLineNumber, f'it declares an entity ("{name}")')
