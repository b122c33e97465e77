"""Text as a YAML scalar: without quotes where nobody can take it for anything else, in YAML 1.2 or in 1.1."""

from __future__ import annotations

import json
import re
import textwrap

from esnode.storage.yaml.nodes import plain_value

# What YAML 1.1 makes numbers, dates or switches of: other programs may still read a profile that way.
_MEANS_ELSE = re.compile(
    r"[-+.0-9][-+.0-9_:eExXoO]*|\d{4}-\d\d?-\d\d?.*|[-+]?0[xX][0-9a-fA-F_]+|[-+]?\.(?:inf|nan)"
    r"|y|n|yes|no|on|off|true|false|null|~|=|<<",
    re.IGNORECASE | re.DOTALL,
)
_FIRST = re.compile(r"[^\W_]|[_/(]")
_NEVER_INSIDE = re.compile(r"[\[\]{}*`\n\t\x7f-\x9f\u2028\u2029\ufeff]|: | #|:$|^(?:---|\.\.\.)")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")


def scalar(text: str, *, is_plain: bool = False, in_flow: bool = False) -> str:
    """`text` in one line. `is_plain`: it stood there without quotes, and whoever reads it goes on seeing the same."""
    if _can_be_plain(text, is_plain=is_plain, in_flow=in_flow):
        return text
    if ('"' in text or "\\" in text) and text.isprintable() and not _ESCAPED.search(text):
        return "'" + text.replace("'", "''") + "'"
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", json.dumps(text, ensure_ascii=False))


def folded(line: str, width: int, indent: int) -> list[str]:
    """A long scalar over several lines; a reader puts one space for each line end. One line where that is not exact."""
    lines = textwrap.wrap(line, width - indent, break_long_words=False, break_on_hyphens=False)
    if " ".join(lines) != line or any(re.match(r"[#\-?:%]|\.\.\.", part) for part in lines[1:]) or "\\" in line:
        return [line]
    return [lines[0], *(" " * indent + part for part in lines[1:])]


def _can_be_plain(text: str, *, is_plain: bool, in_flow: bool) -> bool:
    if not text or text != text.strip() or not isinstance(plain_value(text), str):
        return False
    if not is_plain and _MEANS_ELSE.fullmatch(text):
        return False
    if _NEVER_INSIDE.search(text) and not (is_plain and not in_flow and _is_harmless(text)):
        return False
    if in_flow and ("," in text or ":" in text):
        return False
    return is_plain or bool(_FIRST.match(text))


def _is_harmless(text: str) -> bool:
    """Stood in a block without quotes and goes on doing so: a bracket or a star inside is only a sign there."""
    return not re.search(r"[\n\t\x7f-\x9f\u2028\u2029\ufeff]|: | #|:$|^(?:---|\.\.\.)", text)
