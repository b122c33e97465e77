"""How a test file is spoken of."""

from __future__ import annotations

from esnode.model.profile import Path
from esnode.storage.yaml.sentences import Wording

_SYNONYMS = {
    "tests": "stories",
    "cases": "stories",
    "expected": "expect",
    "expectations": "expect",
    "profile": "profiles",
    "verdict": "status",
    "time": "at",
    "when": "at",
    "until": "to",
    "duration": "lasts",
    "machine": "world",
    "step": "interval",
}


def called(path: Path) -> str:
    """A part as people would call it: its last name, items by their list."""
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return "the test"
    if path[-1] == names[-1]:
        return names[-1]
    what = {"stories": "story", "readings": "reading", "expect": "expectation", "pods": "pod", "processes": "process"}
    return f"{what.get(names[-1], f'item of {names[-1]}')} {int(path[-1]) + 1}"


def _help(expects: str) -> str:
    return "Write a time such as 90s or 5m." if expects.startswith(("a time", "a duration")) else ""


WORDING = Wording(called=called, synonyms=_SYNONYMS, deciding=("type", "pattern", "const", "enum"), help=_help)
