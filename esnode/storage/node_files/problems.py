"""How a node file is spoken of. A value is never quoted: it may be a secret in the wrong place."""

from __future__ import annotations

from esnode.model.profile import Path
from esnode.storage.yaml.sentences import Wording


def _called(path: Path) -> str:
    if not path:
        return "the node file"
    return ".".join(str(step) for step in path)


def _help(expects: str) -> str:
    if expects.startswith("a reference"):
        return "A secret is never written here: only where it is."
    return ""


WORDING = Wording(called=_called, help=_help, quotes=False)
