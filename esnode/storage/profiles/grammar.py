"""The profile's grammar as a JSON Schema, made from the tables METRICS and SETTINGS.

`make schemas` writes it to `schemas/profile.v1.schema.json`; a test holds that file to what this module makes.

`x-expects` is the grammar's own annotation: what a value must be, in the words of an error message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from esnode.model.metrics import METRICS, PROMETHEUS_PREFIX, Metric
from esnode.model.profile import Severity
from esnode.model.settings import COMPUTE_MODES, SETTINGS, Kind, Setting
from esnode.records import dataclass
from esnode.storage.profiles.values import CONDITION_PATTERN, DURATION_PATTERN, PERCENT_PATTERN

Schema = dict[str, Any]

API_VERSION = "v1"
KIND = "EfficiencyProfile"
ACCEPTED_COMPUTE_MODES = tuple(mode for mode in COMPUTE_MODES if mode != "exclusive_thread")

# Names become part of addresses (`alert["PROFILE/POLICY@GPU"]`). Python's `$` would let a final line break pass.
_NAME_PATTERN = r'^[^\s/@"\\]+( [^\s/@"\\]+)*$(?!\n)'
_LONGEST_NAME = 200
# No board draws or clocks anything near it; it keeps absurd numbers out of arithmetic.
_LARGEST = 1_000_000
_NEVER: Schema = {"not": {}}


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, "x-expects": "text", **more}


def _name(description: str) -> Schema:
    expects = 'text without quotes, "/", "@" and "\\"'
    return _text(description, minLength=1, maxLength=_LONGEST_NAME, pattern=_NAME_PATTERN) | {"x-expects": expects}


def _positive(description: str, **more: Any) -> Schema:
    bounds = {"exclusiveMinimum": 0, "maximum": _LARGEST}
    return {"type": "number", **bounds, "description": description, "x-expects": "a number", **more}


def _object(description: str, properties: Schema, required: tuple[str, ...] = (), **more: Any) -> Schema:
    start: Schema = {"type": "object", "description": description, "additionalProperties": False}
    if required:
        start["required"] = list(required)
    return {**start, "properties": properties, "x-expects": "a mapping", **more}


_DURATION_EXPECTS = "a duration such as 5m, 90s, 1h30m or 500ms"


def _duration(description: str) -> Schema:
    examples = ["5m", "90s", "1h30m"]
    return _text(description, pattern=DURATION_PATTERN, examples=examples) | {"x-expects": _DURATION_EXPECTS}


def _condition(description: str) -> Schema:
    expects = 'a condition such as "> 82"'
    return _text(description, pattern=CONDITION_PATTERN, examples=["> 82", "< 5%"]) | {"x-expects": expects}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionGrammar:
    """One action type: what it does, and its parameters."""

    description: str
    parameters: Mapping[str, Schema]
    required: tuple[str, ...]
    example: str


ACTIONS: Mapping[str, ActionGrammar] = {
    "throttle_power": ActionGrammar(
        description="Lowers the power limit of the GPU, step by step, and raises it again when the release is met.",
        parameters={
            "step_watts": _positive("How many watts each step takes away (and gives back)."),
            "min_watts": _positive("The floor, in watts. The hardware's own minimum counts when it is higher."),
        },
        required=("step_watts", "min_watts"),
        example="{step_watts: 50, min_watts: 300}",
    ),
    "lock_clock": ActionGrammar(
        description="Locks the graphics clock; given back as soon as the condition is false.",
        parameters={"frequency_mhz": _positive("The clock in MHz; the nearest supported one is used.")},
        required=("frequency_mhz",),
        example="{frequency_mhz: 210}",
    ),
    "alert": ActionGrammar(
        description="Notifies, without touching the hardware.",
        parameters={
            "channel": _text("A channel of the node file.", minLength=1),
            "repeat": _duration("Reminds this often while the alert keeps firing. Without it: once."),
        },
        required=("channel",),
        example="{channel: slack-devops}",
    ),
    "kill_process": ActionGrammar(
        description="Ends the process that uses most of the resource: SIGTERM, the grace period, SIGKILL.",
        parameters={
            "grace_period_seconds": {
                "type": "number",
                "minimum": 0,
                "maximum": 86400,
                "default": 30,
                "description": "Seconds between SIGTERM and SIGKILL.",
                "x-expects": "a number of seconds",
            }
        },
        required=(),
        example="{grace_period_seconds: 30}",
    ),
    "migrate_pod": ActionGrammar(
        description="Kubernetes: sets a condition on the node, cordons it and evicts the pods that hold a GPU.",
        parameters={"node_condition": _name("The type of the node condition, for example GpuOverheated.")},
        required=("node_condition",),
        example="{node_condition: GpuOverheated}",
    ),
}


def profile_schema() -> Schema:
    """The grammar of one profile document (JSON Schema 2020-12)."""
    blocks = {
        "apiVersion": {"const": API_VERSION, "description": "The version of this grammar.", "x-expects": API_VERSION},
        "kind": {"const": KIND, "description": "What this document is.", "x-expects": KIND},
        "metadata": _metadata(),
        "selectors": _selectors(),
        "settings": _settings(),
        "policies": {
            "type": "array",
            "description": "The rules. May be empty.",
            "items": _policy(),
            "x-expects": "a list of policies",
        },
    }
    grammar = _object("How GPUs should behave.", blocks, ("apiVersion", "kind", "metadata", "policies"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:esnode:profile:v1",
        "title": "ESNODE Efficiency Profile",
        **grammar,
    }


def _metadata() -> Schema:
    labels = {"type": "string", "x-expects": "text"}
    properties = {
        "name": _name("The profile's name, unique among the profiles of one run."),
        "description": _text("What the profile is for."),
        "version": _text("The profile's own version, in quotes.", minLength=1, examples=["1.0.0"]),
        "labels": {
            "type": "object",
            "description": "Labels of the profile itself, free to choose.",
            "additionalProperties": labels,
            "x-expects": "a mapping of text to text",
        },
    }
    return _object("Name and version of the profile.", properties, ("name", "version"))


def _selectors() -> Schema:
    one = {"type": "string", "minLength": 1, "x-expects": "text"}
    many = {"type": "array", "minItems": 1, "items": one}
    pattern = {"anyOf": [one, many], "x-expects": "text, a glob, or a list of them"}

    def match(description: str) -> Schema:
        expects = "a mapping of names to text, globs or lists of them"
        return {"type": "object", "description": description, "additionalProperties": pattern, "x-expects": expects}

    properties = {
        "matchTags": match('Facts of the hardware: gpu_model: "H100", gpu_index: ["0", "1"], driver_version: "580.*".'),
        "matchLabels": match("Labels given by people or an orchestrator."),
    }
    return _object("Which GPUs the profile is for. All keys must match; without selectors, all GPUs.", properties)


def _settings() -> Schema:
    properties = {row.name: _setting(row) for row in SETTINGS.values()}
    return _object("What the settings of the selected GPUs should be, whatever the policies say.", properties)


def _setting(row: Setting) -> Schema:
    about = {"description": row.description}
    match row.kind:
        case Kind.WATTS:
            share = {"type": "string", "pattern": PERCENT_PATTERN}
            number = {"type": "number", "exclusiveMinimum": 0, "maximum": _LARGEST}
            return {
                "anyOf": [number, share],
                "x-expects": 'a number of watts above 0, or a percentage ("80%")',
                **about,
            }
        case Kind.CLOCK_RANGE:
            clock = {
                "type": "integer",
                "exclusiveMinimum": 0,
                "maximum": _LARGEST,
                "x-expects": "a whole number of MHz",
            }
            both = _object("The two ends of the range.", {"min": clock, "max": clock}, ("min", "max"))
            return {
                "anyOf": [clock, both],
                "x-expects": "a whole number of MHz above 0, or {min: .., max: ..}",
                **about,
            }
        case Kind.SWITCH:
            return {"type": "boolean", "x-expects": "true or false", **about}
        case Kind.CHOICE:
            expects = f"one of {', '.join(ACCEPTED_COMPUTE_MODES)}"
            return {"enum": list(ACCEPTED_COMPUTE_MODES), "x-expects": expects, **about}


def _policy() -> Schema:
    release = {
        "condition": _condition("When to give the effect back. Without it: when the policy's condition is false."),
        "duration": _duration("How long the release condition must hold."),
    }
    properties = {
        "name": _name("The policy's name, unique in its profile."),
        "description": _text("What the policy is for."),
        "target": _target(),
        "condition": _condition("An operator (> >= < <= = == !=), a number and, if you like, the target's unit."),
        "duration": _duration("How long the condition must hold before the action. Without it: at once."),
        "action": _action(),
        "severity": {
            "enum": [level.value for level in Severity],
            "default": Severity.INFO.value,
            "description": "How serious it is.",
            "x-expects": f"one of {', '.join(Severity)}",
        },
        "release": _object("When an effect is given back.", release),
    }
    return _object("One rule.", properties, ("name", "target", "condition", "action"))


def _target() -> Schema:
    named = [{"const": row.name, "description": _describe(row)} for row in METRICS.values()]
    query = {"type": "string", "pattern": rf"^{PROMETHEUS_PREFIX}\s*\S", "description": "The value of a PromQL query."}
    return {"anyOf": [*named, query], "description": "The metric to observe.", "x-expects": "a metric"}


def _describe(row: Metric) -> str:
    return f"{row.description} Unit: {row.unit}." if row.unit else row.description


def _action() -> Schema:
    properties = {
        "type": {"enum": list(ACTIONS), "description": _action_help(), "x-expects": "an action"},
        "channel": ACTIONS["alert"].parameters["channel"],
        "parameters": {"type": "object", "description": "What the action needs to know.", "x-expects": "a mapping"},
    }
    rules = [_parameters(name, action) for name, action in ACTIONS.items()]
    return _object("What to do.", properties, ("type",), allOf=rules)


def _parameters(name: str, action: ActionGrammar) -> Schema:
    """The rule for one action type. An alert's channel may also stand beside its type."""
    own: Schema = {"type": "object", "additionalProperties": False, "properties": dict(action.parameters)}
    then: Schema = {"properties": {"parameters": own}}
    if name == "alert":
        beside = {"required": ["channel"], "properties": {"parameters": {"properties": {"channel": _NEVER}}}}
        inside = {
            "required": ["parameters"],
            "properties": {"channel": _NEVER, "parameters": {"required": ["channel"]}},
        }
        then["anyOf"] = [beside, inside]
    else:
        then["properties"]["channel"] = _NEVER
    if action.required and name != "alert":
        own["required"] = list(action.required)
        then["required"] = ["parameters"]
    return {"if": {"required": ["type"], "properties": {"type": {"const": name}}}, "then": then}


def _action_help() -> str:
    return " ".join(f"{name}: {action.description}" for name, action in ACTIONS.items())


def schema_json() -> str:
    """The committed form of the schema."""
    return json.dumps(profile_schema(), indent=2, ensure_ascii=False) + "\n"
