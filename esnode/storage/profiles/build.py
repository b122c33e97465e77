"""A document to a Profile: first everything that is wrong with it, then, when nothing is, the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
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
from esnode.storage.fit import fits
from esnode.storage.profiles.checks import foreign, semantic_problems
from esnode.storage.profiles.grammar import PROFILE_SCHEMA
from esnode.storage.profiles.problems import structural_problems
from esnode.storage.profiles.values import parse_condition, seconds, wanted_value
from esnode.storage.schema_files import schema
from esnode.storage.yaml.complaints import Problem
from esnode.wire import digest

Parts = Mapping[str, Any]


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema(PROFILE_SCHEMA))


def problems_of(document: Any) -> list[Problem]:
    """Every mistake of a document, each once. Empty: `build` will succeed."""
    stranger = foreign(document)
    if stranger:
        return [stranger]
    meaning = list(semantic_problems(document))
    structure = (
        []
        if fits(document, schema(PROFILE_SCHEMA))
        else structural_problems(document, _validator().iter_errors(document))
    )
    # Both may see the same mistake; the one that knows the meaning has the better words.
    said = {problem.path for problem in meaning}
    both = [*meaning, *(problem for problem in structure if problem.path not in said)]
    once = {(problem.path, problem.summary): problem for problem in both if problem.summary}
    return list(once.values())


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
