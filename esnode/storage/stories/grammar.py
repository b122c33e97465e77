"""The grammar of a test of profiles as a JSON Schema. `make schemas` writes it to `schemas/test.v1.schema.json`.

`x-expects` says what a value must be, in the words of an error message.
"""

from __future__ import annotations

import json

from esnode.model.boards import BOARDS
from esnode.model.metrics import METRICS
from esnode.model.settings import SETTINGS, Kind
from esnode.model.story import NOT_SELECTED
from esnode.model.verdict import Status
from esnode.storage.profiles.values import DURATION_PATTERN
from esnode.storage.schema_parts import Schema, duration, list_of, mapping, one_or_more, text, texts

TEST_SCHEMA = "test.v1"
KIND = "ProfileTest"
STATUSES = (*(status.value for status in Status), NOT_SELECTED)
SUBJECTS = (*SETTINGS, "alert", "process", "node")
ACTIONS = ("create", "update", "delete", "forget")
MOST_GPUS = 64


def story_schema() -> Schema:
    """The grammar of a test file (JSON Schema 2020-12)."""
    stories = {"type": "array", "minItems": 1, "items": _story(), "x-expects": "a list of stories"}
    properties = {
        "apiVersion": {"const": "v1", "x-expects": "v1"},
        "kind": {"const": KIND, "x-expects": KIND},
        "metadata": mapping(
            "What people call it.", {"name": text("A name."), "description": text("What it is about.")}
        ),
        "profiles": one_or_more(text("A profile, from this file's folder on."), "a path, or a list of paths"),
        "defaults": mapping("What holds for every story that does not say otherwise.", _machine()),
        "stories": {**stories, "description": "Each is told to a machine of its own."},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:esnode:test:v1",
        "title": "ESNODE test of profiles",
        **mapping(
            "Profiles, and stories that they are put to.", properties, ("apiVersion", "kind", "profiles", "stories")
        ),
    }


def schema_json() -> str:
    """The committed form of the schema."""
    return json.dumps(story_schema(), indent=2, ensure_ascii=False) + "\n"


# -- a story -------------------------------------------------------------------------------------


def _story() -> Schema:
    properties = {
        "name": text("A sentence on what is so."),
        "description": text("Why."),
        **_machine(),
        "readings": list_of("What is told, in the order of time.", _reading()),
        "expect": list_of("What is expected, each by itself.", _expectation()) | {"minItems": 1},
    }
    return mapping("One story.", properties, ("name", "expect"))


def _machine() -> Schema:
    percent = {"type": "number", "minimum": 0, "maximum": 100, "x-expects": "a percentage"}
    pod = mapping(
        "A pod that holds GPUs.",
        {"name": text("NAMESPACE/NAME."), "gpus": _whole("How many GPUs it holds.", 1, MOST_GPUS)},
        ("name",),
    )
    process = mapping(
        "A process that has a GPU open.",
        {
            "name": text("Its name."),
            "memory_mib": _whole("What it has allocated.", 0, 10_000_000),
            "sm_utilization": {**percent, "description": "Its share of the work."},
            "type": {"enum": ["compute", "graphics", "mps"], "x-expects": "compute, graphics or mps"},
        },
        ("name",),
    )
    return {
        "board": {"enum": list(BOARDS), "description": "A board of the catalogue.", "x-expects": "a board"},
        "count": _whole("How many of the board (1, or as many as the trace has).", 1, MOST_GPUS),
        "capture": text("Instead of a board: a file that `nvidia-smi -q -x` wrote."),
        "world": text("Instead of a board: a simulated machine's world file, with its physics."),
        "workload": {
            "anyOf": [{"type": "object"}, {"type": "array"}],
            "description": "What the board has to do, as in a world file; its physics then make every metric.",
            "x-expects": "a workload as in a world file, such as {utilization: 99, memory: 80}",
        },
        "processes": list_of("Processes on each of the boards.", process),
        "ambient_celsius": _number("Of the room.", -40, 70),
        "persistence": {"type": "boolean", "description": "Persistence mode at first.", "x-expects": "true or false"},
        "driver": {
            "anyOf": [{"type": "integer"}, {"type": "string", "minLength": 1}],
            "description": "The driver's version or branch.",
            "x-expects": "a driver such as 580",
        },
        "trace": _trace(),
        "tags": texts("Tags of the machine."),
        "labels": texts("Labels of the machine."),
        "node": text("A node file: its tags, labels, channels, what it protects and forbids."),
        "pods": list_of("Pods that hold GPUs of the machine, which is then a node of a cluster.", pod),
        "interval": duration("How often the machine is looked at (5s)."),
        "lasts": duration("How long the story lasts, where that is longer than what is told and expected."),
    }


def _trace() -> Schema:
    file = text("A recording: CSV, Parquet, or the JSON of Prometheus' query_range.")
    whole = mapping(
        "A recording, and how to take it.",
        {
            "files": one_or_more(file, "a path, or a list of paths"),
            "metric": text("What a series without a name is of, such as gpu_temp_celsius or prometheus:QUERY."),
            "where": texts("Labels of the series that are wanted, such as {Hostname: node-7}."),
            "stale_after": duration("How old a sample may be before its metric is missing (5m)."),
        },
        ("files",),
    )
    return {
        "anyOf": [file, whole],
        "description": "What the GPUs showed, over time.",
        "x-expects": "a path, or a mapping with files",
    }


def _reading() -> Schema:
    told = {name: _told(f"{row.title}{f', in {row.unit}' if row.unit else ''}.") for name, row in METRICS.items()}
    hand = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]}
    said = {**hand, "x-expects": "text, a number, true or false"}
    properties = {
        "at": _at("When."),
        "gpu": _gpu("Of which GPUs; without it, of all."),
        **told,
        "prometheus": {
            "type": "object",
            "description": "The values of `prometheus:` targets, by query.",
            "additionalProperties": _told("The value of a query."),
            "x-expects": "a mapping of queries to values",
        },
        "set": {
            "type": "object",
            "description": "What another hand does to the GPUs: names and values of `esnode sim set`.",
            "additionalProperties": said,
            "x-expects": "a mapping of names to values",
        },
        "machine": {
            "type": "object",
            "description": "What happens to the machine as a whole, as `esnode sim set world` takes it.",
            "additionalProperties": said,
            "x-expects": "a mapping of names to values",
        },
    }
    return mapping("What the GPUs show from a moment on.", properties, ("at",))


def _told(description: str) -> Schema:
    number = {"type": "number", "x-expects": "a number"}
    ramp = mapping(
        "A straight line.", {"from": number, "to": number, "over": duration("How long.")}, ("from", "to", "over")
    )
    return {
        "anyOf": [{"type": "number"}, {"enum": ["missing", "auto"]}, ramp],
        "description": description,
        "x-expects": "a number, missing, auto or {from: 70, to: 90, over: 5m}",
    }


# -- what is expected ----------------------------------------------------------------------------


def _expectation() -> Schema:
    status = {"enum": list(STATUSES), "x-expects": "a status"}
    statuses = one_or_more(status, f"a status, or a list of them ({', '.join(STATUSES)})")
    value = {
        "anyOf": [
            {"type": "number"},
            {"type": "boolean"},
            {"type": "string", "minLength": 1},
            mapping("A range of clocks.", {"min": {"type": "integer"}, "max": {"type": "integer"}}, ("min", "max")),
        ],
        "x-expects": "a value of the setting, such as 650, 345, unlocked, {min: 345, max: 1980}, true",
    }
    count = _count()
    return mapping(
        "One expectation: a status, never, ever, a change, settings, or a count of changes, writes or failures.",
        {
            "at": _at("At this moment."),
            "from": _at("From this moment on."),
            "to": _at("Up to this moment."),
            "gpu": _gpu("Of which GPUs; without it, of each."),
            "profile": text("Of which profile."),
            "policy": text("Of which policy."),
            "status": {**statuses, "description": "How the policy stands: at a moment, or all the while."},
            "never": {**statuses, "description": "How it stands at no moment."},
            "ever": {**statuses, "description": "How it stands at one moment at least."},
            "reason": text("Text that the verdict's reason holds."),
            "change": {
                "enum": list(SUBJECTS),
                "description": "A change of this setting or resource is made.",
                "x-expects": f"one of {', '.join(SUBJECTS)}",
            },
            "before": {**value, "description": "The setting's value before the change."},
            "after": {**value, "description": "Its value after the change."},
            "action": {"enum": list(ACTIONS), "description": "What is done.", "x-expects": "an action"},
            "process": text("The name of the process that is ended, or a glob."),
            "settings": mapping(
                "What the hardware has, at a moment or in the end.", {name: _setting(name, value) for name in SETTINGS}
            ),
            "changes": {**count, "description": "How many changes are made."},
            "writes": {**count, "description": "How many times a setter of the driver is called."},
            "failures": {**count, "description": "How many changes fail or are refused."},
            "setting": {"enum": list(SETTINGS), "description": "Counting only those of it.", "x-expects": "a setting"},
        },
    )


def _setting(name: str, value: Schema) -> Schema:
    setting = SETTINGS[name]
    shapes: dict[Kind, Schema] = {
        Kind.WATTS: {"type": "number", "x-expects": "a number of watts"},
        Kind.CLOCK_RANGE: {**value, "x-expects": "a clock in MHz, {min: 345, max: 1980} or unlocked"},
        Kind.SWITCH: {"type": "boolean", "x-expects": "true or false"},
        Kind.CHOICE: {"type": "string", "minLength": 1, "x-expects": "text"},
    }
    return {**shapes[setting.kind], "description": setting.description}


def _count() -> Schema:
    number = {"type": "integer", "minimum": 0, "x-expects": "a whole number"}
    bounds = mapping("Bounds.", {"at_least": number, "at_most": number})
    return {"anyOf": [number, {"const": "none"}, bounds], "x-expects": "none, a number, or {at_least: 1, at_most: 3}"}


# -- small parts ---------------------------------------------------------------------------------


def _number(description: str, low: float, high: float) -> Schema:
    return {
        "type": "number",
        "minimum": low,
        "maximum": high,
        "description": description,
        "x-expects": f"a number from {low:g} to {high:g}",
    }


def _whole(description: str, low: int, high: int) -> Schema:
    return {**_number(description, low, high), "type": "integer", "x-expects": f"a whole number from {low} to {high}"}


def _at(description: str) -> Schema:
    number = {"type": "number", "minimum": 0}
    return {
        "anyOf": [{"type": "string", "pattern": DURATION_PATTERN}, number],
        "description": f"{description} Time since the story began, such as 5m10s.",
        "x-expects": "a time since the story began, such as 5m10s",
    }


def _gpu(description: str) -> Schema:
    one = _whole("An index.", 0, MOST_GPUS - 1)
    return {**one_or_more(one, "the index of a GPU, or a list of them"), "description": description}
