"""A document in which nothing is wrong, to a Profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from esnode.model.metrics import metric
from esnode.model.profile import (
    Action,
    Alert,
    KillProcess,
    LockClock,
    MigratePod,
    Policy,
    Position,
    Profile,
    Release,
    Selector,
    Severity,
    ThrottlePower,
)
from esnode.model.profile import Path as Place
from esnode.storage.profiles.values import parse_condition, seconds, wanted_value
from esnode.wire import digest

Parts = Mapping[str, Any]


def build(document: Parts, path: str, positions: Mapping[Place, Position]) -> Profile:
    """The profile of a document without problems."""
    meta = document["metadata"]
    policies = tuple(
        _policy(policy, _line(positions, ("policies", index))) for index, policy in enumerate(document["policies"])
    )
    return Profile(
        name=meta["name"],
        version=meta["version"],
        description=meta.get("description", ""),
        labels=meta.get("labels", {}),
        selector=_selector(document.get("selectors", {})),
        settings={key: wanted_value(key, value) for key, value in document.get("settings", {}).items()},
        policies=policies,
        path=path,
        sha256=digest(document),
        document=document,
        positions=positions,
    )


def _line(positions: Mapping[Place, Position], path: Place) -> int:
    position = positions.get(path)
    return position.line if position else 0


def _selector(document: Parts) -> Selector:
    return Selector(tags=_patterns(document.get("matchTags", {})), labels=_patterns(document.get("matchLabels", {})))


def _patterns(document: Parts) -> dict[str, tuple[str, ...]]:
    return {key: (value,) if isinstance(value, str) else tuple(value) for key, value in document.items()}


def _policy(document: Parts, line: int) -> Policy:
    row = metric(document["target"])
    given = document.get("release", {})
    release = Release(
        condition=parse_condition(given["condition"], row) if "condition" in given else None,
        duration_seconds=seconds(given.get("duration")),
    )
    return Policy(
        name=document["name"],
        target=document["target"],
        condition=parse_condition(document["condition"], row),
        action=_action(document["action"]),
        description=document.get("description", ""),
        duration_seconds=seconds(document.get("duration")) or 0.0,
        severity=Severity(document.get("severity", Severity.INFO)),
        release=release,
        line=line,
    )


def _action(document: Parts) -> Action:
    given = dict(document.get("parameters", {}))
    if "channel" in document:
        given["channel"] = document["channel"]
    return _ACTIONS[document["type"]](given)


_ACTIONS: Mapping[str, Callable[[Parts], Action]] = {
    "throttle_power": lambda given: ThrottlePower(**_floats(given)),
    "lock_clock": lambda given: LockClock(**_floats(given)),
    "alert": lambda given: Alert(channel=given["channel"], repeat_seconds=seconds(given.get("repeat"))),
    "kill_process": lambda given: KillProcess(**_floats(given)),
    "migrate_pod": lambda given: MigratePod(**given),
}


def _floats(given: Parts) -> dict[str, float]:
    return {key: float(value) for key, value in given.items()}
