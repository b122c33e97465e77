"""Whose signatures an apply insists on: the caller's, and the machine's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from esnode.model.node_file import NodeFile
from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Files of public keys: any of `asked` by the caller, and any of those that the node file `insisted` on."""

    asked: tuple[Path, ...] = ()
    insisted: tuple[Path, ...] = ()


def keys_for(asked: Sequence[Path], node_file: NodeFile) -> Keys:
    """The keys of the command line and of the node file. Neither replaces the other."""
    return Keys(asked=tuple(asked), insisted=tuple(map(Path, node_file.require_signature)))


def check_signed(plan_path: Path, data: bytes, keys: Keys) -> None:
    """Raises PlanUnsigned unless both are content with the signature of the plan's bytes; KeyUnusable for a bad key."""
    for trusted in (keys.asked, keys.insisted):
        if trusted:
            from esnode.storage.signatures import check_signature

            check_signature(plan_path, data, trusted)
