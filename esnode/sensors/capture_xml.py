"""An XML file as a tree that knows its lines, for files that anybody may have written.

Entities are refused, nothing outside of the file is ever opened, and size, depth and number of elements are bounded.

A file in which nothing is odd is read in C from end to end, which takes a third of the time. It keeps no lines, and
does not refuse what is refused here: whatever might be odd, and whatever is asked for its line, goes through expat once
more with eyes open.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree
from xml.parsers import expat  # entity declarations are refused below

from esnode.errors import CaptureInvalid, FileUnreadable

_LARGEST_FILE: Final = 64 * 2**20
_DEEPEST: Final = 32
_MOST_ELEMENTS: Final = 500_000  # eight GPUs have some 4,300
_ODD: Final = ("<!ENTITY", "xmlns")
"""What only the careful reading treats as it is to be: entities, and names that a namespace would change."""


class Element:
    """One element: its own text without that of its children, and the line on which it begins."""

    __slots__ = ("_document", "_node")

    def __init__(self, node: ElementTree.Element, document: _Document) -> None:
        self._node = node
        self._document = document

    @property
    def name(self) -> str:
        return self._node.tag

    @property
    def line(self) -> int:
        return self._document.line_of(self._node)

    @property
    def text(self) -> str:
        return _text(self._node)

    @property
    def children(self) -> list[Element]:
        return [Element(child, self._document) for child in self._node]

    def all(self, name: str) -> Iterator[Element]:
        return (Element(child, self._document) for child in self._node if child.tag == name)

    def texts(self, *path: str) -> tuple[str, ...]:
        """The texts, with the space around them, of all elements at a path such as `supported_mem_clock`, `value`."""
        nodes = [self._node]
        for name in path:
            nodes = [child for node in nodes for child in node if child.tag == name]
        return tuple([_text(node) if len(node) else node.text or "" for node in nodes])

    def find(self, path: str) -> Element | None:
        """The first element at a path such as `utilization/gpu_util`."""
        here = self._node
        for name in path.split("/"):
            for child in here:
                if child.tag == name:
                    here = child
                    break
            else:
                return None
        return Element(here, self._document)


def _text(node: ElementTree.Element) -> str:
    if len(node):
        return "".join([node.text or "", *(child.tail or "" for child in node)]).strip()
    return (node.text or "").strip()


def invalid(path: Path, line: int, problem: str) -> CaptureInvalid:
    """The error for a file that is no capture, naming file and line."""
    return CaptureInvalid(
        f"{path}:{line}: {problem}",
        next_step="Write the file anew with `nvidia-smi -q -x > FILE` on the machine itself.",
    )


def read_xml(path: Path) -> Element:
    """The document's root element. Raises FileUnreadable, and CaptureInvalid with file and line."""
    document = _Document(path, _text_of(path))
    return Element(document.root, document)


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


class _Document:
    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text = path, text
        self._lines: dict[ElementTree.Element, int] | None = None
        self.root = tree_of(text) or self._read_carefully().root

    def line_of(self, node: ElementTree.Element) -> int:
        if self._lines is None:
            self._lines = dict(zip(self.root.iter(), self._read_carefully().lines, strict=True))
        return self._lines[node]

    def _read_carefully(self) -> Careful:
        return Careful(self._path, self._text)


def tree_of(text: str) -> ElementTree.Element | None:
    """The tree of a text in which nothing is odd; None for any other, well formed or not."""
    if any(odd in text for odd in _ODD) or text.count("<") - text.count("</") > _MOST_ELEMENTS:
        return None
    try:
        root = ElementTree.XML(text)
    except ElementTree.ParseError:
        return None
    level = [root]
    for _ in range(_DEEPEST):
        level = [child for node in level if len(node) for child in node]
    return None if level else root


class Careful:
    """A text read element by element: the same tree, and the line of each element in the order of their beginning."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self.lines: list[int] = []
        self._depth = 0
        self._tree = ElementTree.TreeBuilder()
        # The text is decoded already: whatever encoding the document declares, it is not asked.
        self._expat = expat.ParserCreate(encoding="utf-8")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._begin
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._add_text
        self._expat.EntityDeclHandler = self._refuse_entity
        self.root = self._parse(text)

    def _parse(self, text: str) -> ElementTree.Element:
        try:
            self._expat.Parse(text.encode("utf-8"), True)
        except expat.ExpatError as problem:
            raise invalid(self._path, problem.lineno, f"not XML: {expat.ErrorString(problem.code)}") from None
        if not self.lines:
            raise invalid(self._path, 1, "the file has no element")
        return self._tree.close()

    def _begin(self, name: str, _attributes: dict[str, str]) -> None:
        line = self._expat.CurrentLineNumber
        if self._depth >= _DEEPEST:
            raise invalid(self._path, line, f"elements are nested more than {_DEEPEST} deep")
        if len(self.lines) >= _MOST_ELEMENTS:
            raise invalid(self._path, line, f"more than {_MOST_ELEMENTS} elements")
        self._depth += 1
        self.lines.append(line)
        self._tree.start(name, {})

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._tree.end(name)

    def _add_text(self, text: str) -> None:
        self._tree.data(text)

    def _refuse_entity(self, name: str, *_rest: object) -> None:
        raise invalid(self._path, self._expat.CurrentLineNumber, f'it declares an entity ("{name}")')
