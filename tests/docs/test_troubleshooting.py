"""docs/troubleshooting.md quotes messages word for word; each must still be one that the code can print."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import DOCS
from tests.places import PROJECT

QUOTED = re.findall(r"^### `(?:Error: )?(.*)`$", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)

LETTERS = 10
"""How much of a message the code must say itself: one that is filled in from elsewhere proves nothing."""


def messages() -> Iterator[re.Pattern[str]]:
    """Every text of the code as a pattern: what is filled in may be anything."""
    for path in sorted((PROJECT / "esnode").rglob("*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            parts = _parts(node)
            if sum(len(re.sub(r"\W", "", part)) for part in parts if part is not None) >= LETTERS:
                yield re.compile("".join(".+" if part is None else _literal(part) for part in parts))


def _parts(node: ast.AST) -> list[str | None]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [str(value.value) if isinstance(value, ast.Constant) else None for value in node.values]
    return []


def _literal(text: str) -> str:
    """The text, in which {gpu} is a place of its own (str.format and str.replace)."""
    return re.sub(r"\\\{\w+\\\}", ".+", re.escape(text))


MESSAGES = list(messages())


@pytest.mark.parametrize("quoted", QUOTED, ids=lambda text: text[:40])
def test_a_quoted_message_is_in_the_code(quoted):
    assert any(pattern.fullmatch(quoted) for pattern in MESSAGES), f"no such message any more: {quoted}"


def test_the_check_can_fail():
    assert len(QUOTED) > 40
    assert not any(pattern.fullmatch("The power limit of GPU-0 is 650 W now, and that is fine") for pattern in MESSAGES)
