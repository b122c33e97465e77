"""What is wrong with a document's structure, as sentences: JSON Schema errors made fit for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esnode.model.metrics import METRICS
from esnode.model.profile import Path
from esnode.storage.profiles.grammar import ACTIONS
from esnode.storage.yaml.complaints import Problem, found, meant_branch
from esnode.storage.yaml.complaints import nearest as nearest_word
from esnode.units import format_number

SYNONYMS: Mapping[str, str] = {
    "threshold": "condition",
    "when": "condition",
    "metric": "target",
    "for": "duration",
    "rules": "policies",
    "selector": "selectors",
    "tags": "matchTags",
    "labels": "matchLabels",
    "level": "severity",
    "actions": "action",
    "params": "parameters",
}

LOOKS_LIKE: Mapping[str, str] = {
    "apiVersion": "apiVersion: v1",
    "kind": "kind: EfficiencyProfile",
    "metadata": 'metadata:\n  name: my-profile\n  version: "1.0.0"',
    "policies": 'policies:\n  - name: thermal-safety\n    target: gpu_temp_celsius\n    condition: "> 82"\n'
    "    action: {type: alert, channel: ops}",
    "name": "name: my-name",
    "version": 'version: "1.0.0"',
    "target": "target: gpu_temp_celsius",
    "condition": 'condition: "> 82"',
    "action": "action: {type: alert, channel: ops}",
    "type": "type: alert",
    "step_watts": "step_watts: 50",
    "min_watts": "min_watts: 300",
    "frequency_mhz": "frequency_mhz: 210",
    "channel": "channel: ops",
    "node_condition": "node_condition: GpuOverheated",
    "min": "{min: 345, max: 1980}",
    "max": "{min: 345, max: 1980}",
}

_DECIDING = ("type", "const", "pattern")

# Nine of the targets; listed as one.
_FAMILY = "throttle_reason_"

_BOOLEANS = {"on": "true", "yes": "true", "y": "true", "enabled": "true", "off": "false", "no": "false", "n": "false"}


def structural_problems(document: Any, errors: Iterable[Any]) -> list[Problem]:
    """Every structural mistake once; `errors` are those that jsonschema finds in the document."""
    problems = [problem for error in errors for problem in _explain(error, document)]
    # A misspelled key is one mistake, not an unknown key and a missing one.
    meant = {(*problem.path[:-1], problem.meant) for problem in problems if problem.meant}
    once = {problem.path: problem for problem in reversed(problems) if problem.path not in meant}
    return list(reversed(once.values()))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or nothing."""
    return nearest_word(word, known, SYNONYMS)


def _explain(error: Any, document: Any) -> Iterator[Problem]:
    """One schema error as problems; alternatives are followed into the one that was meant."""
    path: Path = tuple(error.absolute_path)
    match error.validator:
        case "not":
            yield _misplaced_parameter(path, str(path[-1]), document)
        case "additionalProperties" if error.validator_value is False:
            known = error.schema.get("properties", {})
            yield from (_unknown_key(path, key, known, document) for key in error.instance if key not in known)
        case "required":
            missing = [key for key in error.validator_value if key not in error.instance]
            yield from (_missing(path, key, document) for key in missing)
        case "anyOf" if not isinstance(error.instance, str) and (
            meant := meant_branch(error, ("type", "const", "pattern"))
        ):
            for part in meant:
                yield from _explain(part, document)
        case _:
            yield _wrong_value(path, error)


def _unknown_key(path: Path, key: str, known: Mapping[str, Any], document: Any) -> Problem:
    words = ", ".join(known)
    owners = [name for name, action in ACTIONS.items() if key in action.parameters]
    mine = _action_type(path, document)
    if owners and path and path[-1] == "parameters":
        takes = f"It takes {words}." if words else "It takes none."
        summary = f'"{key}" is a parameter of {owners[0]}, not of {mine}'
        return Problem(path=(*path, key), summary=summary, detail=takes, at_key=True)
    if mine in owners:
        summary = f'"{key}" must be given under "parameters"'
        return Problem(path=(*path, key), summary=summary, detail=f"Write parameters: {{{key}: ..}}.", at_key=True)
    meant = nearest(key, known)
    hint = f'Did you mean "{meant}"? ' if meant else ""
    detail = f"{hint}{_capital(owner(path, document))} may have: {words}."
    summary = f'unknown key "{_short(key)}"'
    return Problem(path=(*path, key), summary=summary, detail=detail, at_key=True, meant=meant)


def _misplaced_parameter(path: Path, key: str, document: Any) -> Problem:
    mine = _action_type(path, document)
    summary = f'"{key}" is a parameter of alert, not of {mine}'
    return Problem(path=path, summary=summary, detail=f"Remove it, or use {LOOKS_LIKE['action']}.", at_key=True)


def _action_type(path: Path, document: Any) -> str:
    """The action type around a path inside an action, or nothing."""
    at = document
    for step in path[: path.index("action") + 1] if "action" in path else ():
        at = at[step]
    name = at.get("type") if isinstance(at, dict) else ""
    return name if isinstance(name, str) and name in ACTIONS else ""


def _missing(path: Path, key: str, document: Any) -> Problem:
    example = LOOKS_LIKE.get(key, "")
    if key == "parameters":
        example = f"parameters: {ACTIONS[_action_type(path, document)].example}"
    summary = f'{owner(path, document)} needs "{key}"' if path else f'the block "{key}" is missing'
    if not path and key in ("apiVersion", "kind"):
        summary = f'"{key}" is missing'
    layout = "\n".join(f"    {line}" for line in example.split("\n"))
    return Problem(path=(*path, key), summary=summary, detail=f"Add it like this:\n{layout}" if example else "")


def _wrong_value(path: Path, error: Any) -> Problem:
    name, value, expects = _called(path), error.instance, error.schema.get("x-expects", "another value")
    match error.validator:
        case "exclusiveMinimum" | "minimum" | "maximum":
            word = {"exclusiveMinimum": "greater than", "minimum": "at least", "maximum": "at most"}[error.validator]
            summary = f"{name} must be {word} {format_number(error.validator_value)}, found {value}"
            return Problem(path=path, summary=summary, detail=_bound_help(name, value))
        case "minLength" | "minItems":
            return Problem(path=path, summary=f"{name} must not be empty", detail=f"Write {expects}.")
        case "maxLength":
            return Problem(path=path, summary=f"{name} is longer than {error.validator_value} characters")
        case _ if name == "target" and isinstance(value, str):
            return _unknown_word(path, "target", value, METRICS, 'Anything else: "prometheus:<query>".')
        case "enum" if isinstance(value, str):
            what = "action" if name == "type" else name
            return _unknown_word(path, what, value, error.validator_value, _word_help(value))
    return Problem(path=path, summary=f"{name} must be {expects}, {found(value)}", detail=_type_help(value, expects))


def _bound_help(name: str, value: float) -> str:
    if name == "step_watts" and value < 0:
        return "A step is how much is taken away: write it without the minus sign."
    return ""


def _unknown_word(path: Path, what: str, value: str, known: Iterable[str], more: str = "") -> Problem:
    words = list(known)
    meant = nearest(value, words)
    hint = f"Did you mean {meant}? " if meant else ""
    family = [name for name in words if not name.startswith(_FAMILY)]
    listed = f"Write one of: {', '.join(family)}{f', {_FAMILY}*' if len(family) < len(words) else ''}."
    summary = f'unknown {what} "{_short(value)}"'
    return Problem(path=path, summary=summary, detail=f"{hint}{listed} {more}".rstrip())


def _word_help(value: str) -> str:
    if value == "exclusive_thread":
        return "NVIDIA removed exclusive_thread from its drivers; exclusive_process is its successor."
    return ""


def _type_help(value: Any, expects: str) -> str:
    match value:
        case str() if expects == "true or false" and value.lower() in _BOOLEANS:
            return f"In YAML 1.2, {value} is text. Write {_BOOLEANS[value.lower()]}."
        case str() if expects.startswith("a number") and _is_numeric(value):
            return f"Write {value.strip()}, without quotes."
        case bool() | int() | float() if expects.startswith("text"):
            shown = str(value).lower() if isinstance(value, bool) else value
            return f'Put it in quotes: "{shown}".'
        case None:
            return "After a space, # begins a comment: a value that holds it belongs in quotes."
    return ""


def _is_numeric(text: str) -> bool:
    return text.strip().replace(".", "", 1).lstrip("-+").isdecimal()


def owner(path: Path, document: Any) -> str:
    """The mapping at a path, as a person would call it."""
    match path:
        case ():
            return "the profile"
        case ("policies", int() as index):
            return _policy_called(document, index)
        case ("policies", int() as index, *_, "action"):
            return f"the action of {_policy_called(document, index)}"
        case (*_, "parameters"):
            return f"action {_action_type(path, document)}"
        case _:
            return _called(path)


def _policy_called(document: Any, index: int) -> str:
    policy = document["policies"][index]
    name = policy.get("name") if isinstance(policy, dict) else None
    return f'policy "{_short(name)}"' if isinstance(name, str) and name else f"policy {index + 1}"


def _called(path: Path) -> str:
    """The last name of a path; list items are called after their list."""
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return "the profile"
    if path[-1] != names[-1]:
        return f"policy {int(path[-1]) + 1}" if names[-1] == "policies" else f"each item of {names[-1]}"
    return names[-1]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
