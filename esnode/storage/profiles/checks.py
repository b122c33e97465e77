"""What a schema cannot say: units, names that must be unique, ends of ranges. Works on any document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from esnode.errors import BadValue
from esnode.model.metrics import METRICS, PROMETHEUS_PREFIX, Metric, metric
from esnode.model.profile import Path
from esnode.storage.profiles.grammar import KIND
from esnode.storage.profiles.problems import LOOKS_LIKE, nearest
from esnode.storage.profiles.values import parse_condition, parse_percent
from esnode.storage.yaml.complaints import Problem, found
from esnode.storage.yaml.nodes import unusable
from esnode.units import format_number, parse_duration


def foreign(document: Any) -> Problem | None:
    """The one thing to say about a document that is no profile at all."""
    if not isinstance(document, dict):
        detail = f"It begins with:\n    apiVersion: v1\n    {LOOKS_LIKE['kind']}"
        return Problem(path=(), summary=f"a profile must be a mapping, {found(document)}", detail=detail)
    kind = document.get("kind")
    if isinstance(kind, str) and kind != KIND and not nearest(kind, [KIND]):
        return Problem(path=("kind",), summary=f'this is a "{kind[:60]}", not an {KIND}', detail="Give profiles only.")
    if "kind" not in document and not {"metadata", "policies"} & set(document):
        detail = f"A profile has {LOOKS_LIKE['kind']}, metadata and policies. Give profiles only."
        return Problem(path=(), summary="this is not a profile", detail=detail)
    return None


def unusable_values(document: Any) -> Iterator[Problem]:
    """Values that have no canonical form, or are dangerous to print. Iterative: depth does not matter."""
    pending: list[tuple[Path, Any]] = [((), document)]
    while pending:
        path, value = pending.pop()
        match value:
            case dict():
                pending.extend(((*path, str(key)), part) for key, part in value.items())
                keys = (key for key in value if not isinstance(key, str) or unusable(key))
                yield from (Problem(path=path, summary="a key is not plain text") for _ in keys)
            case list():
                pending.extend(((*path, index), part) for index, part in enumerate(value))
            case _:
                wrong = unusable(value)
                if wrong:
                    yield Problem(path=path, summary=wrong[0], detail=wrong[1])


def semantic_problems(document: dict[str, Any]) -> Iterator[Problem]:
    """Every mistake that needs more than a schema. The document's structure may be wrong as well."""
    yield from _settings(document.get("settings"))
    policies = document.get("policies")
    names: dict[str, int] = {}
    for index, policy in enumerate(policies if isinstance(policies, list) else ()):
        if isinstance(policy, dict):
            path: Path = ("policies", index)
            yield from _unique(path, policy.get("name"), index, names)
            yield from _policy(path, policy)


def _unique(path: Path, name: Any, index: int, names: dict[str, int]) -> Iterator[Problem]:
    if not isinstance(name, str):
        return
    first = names.setdefault(name, index)
    if first != index:
        summary, detail = f'two policies are named "{name[:60]}"', "A policy's name is unique in its profile."
        yield Problem(path=(*path, "name"), summary=summary, detail=detail, also=("policies", first, "name"))


def _policy(path: Path, policy: dict[str, Any]) -> Iterator[Problem]:
    target = policy.get("target")
    row = metric(target) if isinstance(target, str) and _is_target(target) else None
    release = policy.get("release")
    for part, at in ((policy, path), (release, (*path, "release"))):
        if isinstance(part, dict):
            yield from _condition((*at, "condition"), part, row)
            yield from _duration((*at, "duration"), part)
    action = policy.get("action")
    if isinstance(action, dict):
        yield from _action((*path, "action"), action)


def _is_target(target: str) -> bool:
    return target in METRICS or target.startswith(PROMETHEUS_PREFIX)


def _condition(path: Path, owner: dict[str, Any], row: Metric | None) -> Iterator[Problem]:
    value = owner.get("condition")
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = str(value)
        detail = f'Write condition: "> {number}", with one of > >= < <= == != and in quotes.'
        yield Problem(path=path, summary=f"condition needs an operator, found the number {number}", detail=detail)
    elif "condition" in owner and (not isinstance(value, str) or not value.strip()):
        what = "no text" if isinstance(value, str) else found(value).removeprefix("found ")
        detail = "" if value else "Without quotes, > begins a folded text in YAML and # a comment."
        yield Problem(path=path, summary=f'condition must be text such as "> 82", found {what}', detail=detail)
    elif isinstance(value, str):
        yield from _refused(path, lambda: parse_condition(value, row or _ANY_TARGET))


# For a policy whose target is unknown: its condition's unit cannot be judged then.
class _AnyUnit(Metric):
    def accepts_unit(self, unit: str) -> bool:
        return True


_ANY_TARGET = _AnyUnit(name="", title="", unit="", source="", description="")


def _duration(path: Path, owner: dict[str, Any]) -> Iterator[Problem]:
    key = str(path[-1])
    value = owner.get(key)
    if isinstance(value, str):
        yield from _refused(path, lambda: parse_duration(value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = str(value)
        summary = f"{key} needs a unit, found the number {number}"
        yield Problem(path=path, summary=summary, detail=f"Write {number}s for seconds, {number}m for minutes.")


def _refused(path: Path, parse: Any) -> Iterator[Problem]:
    try:
        parse()
    except BadValue as wrong:
        yield Problem(path=path, summary=wrong.summary, detail=wrong.next_step)


def _action(path: Path, action: dict[str, Any]) -> Iterator[Problem]:
    parameters = action.get("parameters")
    inside = parameters if isinstance(parameters, dict) else {}
    if action.get("type") != "alert":
        return
    if "channel" in action and "channel" in inside:
        detail = 'It stands under "action" and under "parameters". Remove one of the two.'
        yield Problem(
            path=(*path, "parameters", "channel"), summary="channel is given twice", detail=detail, at_key=True
        )
        yield Problem(path=path, summary="")
    elif "channel" not in action and "channel" not in inside and (parameters is None or parameters == inside):
        meant = next((key for key in (*action, *inside) if key != "type" and nearest(key, ["channel"])), None)
        detail = f"Add it like this:\n    {LOOKS_LIKE['channel']}"
        yield Problem(path=path, summary="" if meant else 'an alert needs "channel"', detail=detail)
    yield from _duration((*path, "parameters", "repeat"), inside)


def _settings(settings: Any) -> Iterator[Problem]:
    for key, value in settings.items() if isinstance(settings, dict) else ():
        path: Path = ("settings", key)
        match value:
            case str() if key == "power_limit_watts":
                yield from _refused(path, lambda text=value: parse_percent(text))
            case {"min": int() | float() as low, "max": int() | float() as high} if low > high:
                summary = f"{key}: min {format_number(low)} is above max {format_number(high)}"
                yield Problem(path=path, summary=summary, detail="Exchange the two.")
