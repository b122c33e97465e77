"""Words of an input inside Markdown: shown as they are, never taken for Markdown, HTML, a link or a mention."""

from __future__ import annotations

import re

from esnode.views.printable import plain_text

LONGEST_CELL = 600
"""Characters of one text from an input; the rest is behind three dots."""

_SPECIAL = re.compile(
    r"""[\\`*\[\]<>#|~&$@]          # what Markdown, HTML, mathematics and mentions begin with
    | (?<![^\W_])_ | _(?![^\W_])    # emphasis; inside a word an underscore is one
    | :(?=//) | (?<=www)\.         # links that need no brackets
    | ^[-+](?=\s) | ^\d(?=\d*[.)]) # lists""",
    re.IGNORECASE | re.VERBOSE,
)
_NO_WIDTH = "&#8203;"
_PINGS = frozenset("@#")
"""A host looks for @name and #12 in the rendered text, so that no escape in the source helps: a space without width
stands behind them."""


def words(text: str) -> str:
    """A text on one line of Markdown."""
    return "<br>".join(_SPECIAL.sub(_entity, line) for line in _short(text).split("\n"))


def code(text: str) -> str:
    """A name, set as code. Hosts look for no mention in there."""
    return f"<code>{_SPECIAL.sub(lambda match: f'&#{ord(match[0])};', _short(text).replace(chr(10), ' '))}</code>"


def _entity(match: re.Match[str]) -> str:
    char = match[0]
    return f"&#{ord(char)};" + (_NO_WIDTH if char in _PINGS else "")


def _short(text: str) -> str:
    shown = plain_text(text).strip()
    return shown if len(shown) <= LONGEST_CELL else shown[: LONGEST_CELL - 3] + "..."
