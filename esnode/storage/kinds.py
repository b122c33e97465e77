"""Which of esnode's files a YAML document is."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from esnode.storage.profiles.grammar import KIND
from esnode.storage.yaml.source import MAX_BYTES
from esnode.storage.yaml.text import parse_yaml

WORLD_KIND = "SimulatedMachine"
NODE_KEYS = (
    *("machine_id", "tags", "labels", "channels", "serving", "prometheus", "protect", "forbid", "require_signature"),
    "kubernetes",
)


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


def kind_of_file(path: Path) -> DocumentKind | None:
    """What the first document of a file is; None for a stranger, or for one that its reader will refuse."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES)
    except OSError:
        return None
    if f"kind: {KIND}".encode() in data:
        return DocumentKind.PROFILE
    documents = [document.value for document in parse_yaml(data, str(path)).documents if document.value is not None]
    if documents:
        return kind_of(documents[0])
    return DocumentKind.WORLD if WORLD_KIND.encode() in data else None
