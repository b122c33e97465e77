"""What one plan does that another does not, times and readings aside. The only home of deepdiff."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from deepdiff import DeepDiff

from esnode import wire
from esnode.model.plan import Plan
from esnode.records import dataclass


class Side(StrEnum):
    """Which of the two plans has what differs."""

    BOTH = "both"
    OLD = "old"
    NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place in which two decisions differ.

    `subject` is a resource's address or `profile NAME`; `path` leads to the part of it, empty for all of it.
    `old` and `new` are JSON values; what the side does not have is None.
    """

    subject: str
    path: tuple[str, ...]
    side: Side
    old: Any
    new: Any


def decision(plan: Plan) -> dict[str, dict[str, Any]]:
    """What a plan decides: for each resource its actions, before, after and by whose will; each profile's digest."""
    profiles: dict[str, dict[str, Any]] = {
        f"profile {profile.name}": {"sha256": profile.sha256} for profile in plan.profiles
    }
    changes = {
        change.address: {
            "actions": ", ".join(change.actions),
            "before": wire.plain(change.before),
            "after": wire.plain(change.after),
            "for": {name: f"{why.profile}/{why.policy}" for name, why in change.because.items()},
        }
        for change in plan.changes
    }
    # As a file would give it back: a whole number is the same number, made just now or read from a saved plan.
    canonical: dict[str, dict[str, Any]] = wire.parse(wire.canonical({**profiles, **changes}))
    return canonical


def compare(old: Plan, new: Plan) -> tuple[Difference, ...]:
    """Every difference, in the order of subjects and paths."""
    one, other = decision(old), decision(new)
    found = DeepDiff(one, other, view="tree", threshold_to_diff_deeper=0)
    paths = {tuple(map(str, level.path(output_format="list"))) for levels in found.values() for level in levels}
    return tuple(_difference(path, one, other) for path in sorted(paths))


def _difference(path: tuple[str, ...], old: Any, new: Any) -> Difference:
    (in_old, before), (in_new, after) = _at(old, path), _at(new, path)
    side = Side.BOTH if in_old and in_new else Side.OLD if in_old else Side.NEW
    return Difference(subject=path[0], path=path[1:], side=side, old=before, new=after)


def _at(document: Any, path: tuple[str, ...]) -> tuple[bool, Any]:
    """Whether there is such a place, and what stands there."""
    for part in path:
        if not isinstance(document, dict) or part not in document:
            return False, None
        document = document[part]
    return True, document
