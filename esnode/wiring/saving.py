"""Where plans are saved, under which names, and with whose signature."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from esnode.errors import FileUnwritable
from esnode.model.plan import Plan

if TYPE_CHECKING:
    from esnode.storage.signatures import SigningKey

ENDING = ".plan.json"


def save_plan(plan: Plan, path: Path) -> bytes:
    """Save a plan. The bytes that are in the file now, for a signature. Raises FileUnwritable."""
    from esnode.storage.plans import write_plan

    return write_plan(plan, path)


def sign_plan(path: Path, data: bytes, key: SigningKey) -> Path:
    """Sign the bytes of the plan that was saved at `path`. Where the signature is. Raises FileUnwritable."""
    from esnode.storage.signatures import write_signature

    return write_signature(path, data, key)


def make_folder(path: Path) -> None:
    """The folder that plans are saved in, made if absent. Raises FileUnwritable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise FileUnwritable(
            f"The folder {path} cannot be made: {failure.strerror}",
            next_step="Name another folder with -out, or remove the file of that name.",
        ) from None


def unique_names(names: Iterable[str]) -> list[str]:
    """A name for each, in order: the second `node7` is `node7-2`, or the next that nobody else has."""
    wanted = list(names)
    taken, counts = set(wanted), dict.fromkeys(wanted, 1)
    seen: set[str] = set()
    unique = []
    for name in wanted:
        chosen = name
        while chosen in seen or (chosen != name and chosen in taken):
            counts[name] += 1
            chosen = f"{name}-{counts[name]}"
        seen.add(chosen)
        unique.append(chosen)
    return unique
