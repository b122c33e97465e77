"""Which of esnode's files a YAML document is."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from esnode.storage.profiles.grammar import KIND

WORLD_KIND = "SimulatedMachine"
NODE_KEYS = ("machine_id", "tags", "labels", "channels", "serving", "prometheus", "protect", "forbid", "kubernetes")


class DocumentKind(StrEnum):
    """Profiles and worlds say what they are; a node file is known by its keys."""

    PROFILE = "profile"
    NODE = "node"
    WORLD = "world"


def kind_of(document: Any) -> DocumentKind | None:
    """What a document is, None for a stranger. A document with a word of a profile is taken for one."""
    if not isinstance(document, dict):
        return None
    kind = document.get("kind")
    if kind == WORLD_KIND:
        return DocumentKind.WORLD
    if kind == KIND or (kind is None and {"metadata", "policies"} & set(document)):
        return DocumentKind.PROFILE
    if kind is None and set(document) & set(NODE_KEYS):
        return DocumentKind.NODE
    return None
