"""The grammar of a simulated machine's world file as a JSON Schema, for editors. `make schemas` writes it to
`schemas/world.v1.schema.json`.

A world is judged by the simulator's own reader, which knows the boards; a test holds the two to the same answer.
"""

from __future__ import annotations

import json
from typing import Any

from esnode.model.boards import BOARDS
from esnode.model.settings import COMPUTE_MODES

Schema = dict[str, Any]

WORLD_SCHEMA = "world.v1"
MOST_GPUS = 64
PROCESS_TYPES = ("compute", "graphics", "mps")


def world_schema() -> Schema:
    """The grammar of a world file (JSON Schema 2020-12)."""
    properties: Schema = {
        "apiVersion": {"const": "v1", "description": "The version of this grammar."},
        "kind": {"const": "SimulatedMachine", "description": "What this document is."},
        "name": _text("The machine's name; else the file's."),
        "hostname": _text("Its hostname; else its name."),
        "machine_id": _text("Its machine id; else made from its name. Two worlds with one id are one machine."),
        "driver": {
            "type": ["number", "string"],
            "description": "The driver's branch, 535 or newer (580), or a whole version (580.105.08).",
            "examples": [580, "580.105.08"],
        },
        "speed": _number("World seconds per second; 0: the clock stands until it is told to move.", 0, 100_000, 1),
        "ambient_celsius": _number("Temperature of the room.", -40, 70, 25),
        "persistence": _switch("Persistence mode of every GPU."),
        "root": {"enum": ["any", "required"], "description": "Whether setters need root, as on hardware."},
        "starts_at": _text("The world's time at its beginning, as 2026-01-31T08:00:00Z."),
        "record_writes": _switch("Keep a record of what is written to the machine, beside its registers."),
        "from": _text("A file that `nvidia-smi -q -x` wrote, to take the GPUs from; beside this file."),
        "latency": _object(
            "How long calls take.",
            {"setters": _duration("Every setter."), "cold_handle": _duration("The first call on a GPU.")},
        ),
        "workload": _workload("What every GPU works on, unless its entry says otherwise."),
        "gpus": {
            "type": ["array", "null"],
            "description": "The GPUs; with `from`, what differs from the capture, by index.",
            "items": _gpu(),
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:esnode:world:v1",
        "title": "ESNODE simulated machine",
        **_object("A machine that exists only in esnode's simulator.", properties, ("apiVersion", "kind")),
    }


def schema_json() -> str:
    """The committed form of the schema."""
    return json.dumps(world_schema(), indent=2, ensure_ascii=False) + "\n"


def _gpu() -> Schema:
    boards = [{"const": board.key, "description": board.nvml_name} for board in BOARDS.values()]
    return _object(
        "One GPU, or several of one kind.",
        {
            "board": {"anyOf": boards, "description": "A board of the catalogue."},
            "count": _number("How many of them.", 1, MOST_GPUS, 1),
            "index": _number("With `from`: which GPU of the capture this is about.", 0, MOST_GPUS - 1),
            "uuid": _text("Its UUID, as NVML writes it: GPU-5d1f....", pattern="^GPU-"),
            "persistence": _switch("Persistence mode."),
            "workload": _workload("What it works on."),
            "ambient_celsius": _number("Temperature of the air at this GPU.", -40, 70),
            "thermal_resistance": _number("Degrees per watt: more is a worse cooler.", 0.001, 10),
            "processes": {
                "type": ["array", "null"],
                "description": "The programs that work on it.",
                "items": _process(),
            },
            "power_limit_watts": _number("The power limit at the beginning.", 0, 10_000),
            "out_of_band_limit_watts": _number("What a BMC holds the board to, whatever the driver says.", 1, 10_000),
            "compute_mode": {"enum": [*COMPUTE_MODES, None], "description": "Which programs may use it."},
            "ecc": _switch("Whether ECC is on."),
            "mig": _switch("Whether MIG is on."),
        },
    )


def _process() -> Schema:
    return _object(
        "A program on the GPU.",
        {
            "pid": _number("The number of a process that is really there; without it, one that is not.", 1, 2**31 - 1),
            "name": _text("Its name (python)."),
            "memory_mib": _number("Memory that it holds, in MiB.", 0, 10_000_000),
            "sm_utilization": _number("Its share of the SMs, in percent.", 0, 100),
            "type": {"enum": [*PROCESS_TYPES, None], "description": "What kind of client it is (compute)."},
        },
    )


def _workload(description: str) -> Schema:
    loads: Schema = {
        "utilization": _number("Percent of the time in which a kernel runs.", 0, 100, 0),
        "memory": _number("Percent of the memory in use; else 80 % of the utilization.", 0, 100),
        "intensity": _number("Power at full utilization, in percent of the board's default limit.", 1, 200, 94),
    }
    step = _object("From one moment on.", {"at": _duration("When it begins."), **loads})
    steps = {"type": "array", "items": step, "description": "One after the other."}
    cycle = _object("Steps that repeat.", {"repeat": _duration("After how long."), "steps": steps}, ("steps",))
    return {
        "anyOf": [_object("The same all the time.", loads), steps, cycle, {"type": "null"}],
        "description": description,
    }


def _text(description: str, **more: Any) -> Schema:
    return {"type": ["string", "number", "null"], "description": description, **more}


def _switch(description: str) -> Schema:
    return {"type": ["boolean", "null"], "description": description}


def _number(description: str, low: float, high: float, default: float | None = None) -> Schema:
    more = {} if default is None else {"default": default}
    return {"type": ["number", "null"], "minimum": low, "maximum": high, **more, "description": description}


def _duration(description: str) -> Schema:
    return {
        "type": ["string", "number", "null"],
        "description": f"{description} A duration such as 90s or 5m, or seconds.",
        "examples": ["90s", "5m"],
    }


def _object(description: str, properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    start: Schema = {"type": "object", "description": description, "additionalProperties": False}
    return {**start, "properties": properties, **({"required": list(required)} if required else {})}
