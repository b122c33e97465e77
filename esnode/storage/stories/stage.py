"""The machine of a story: a board of the catalogue, a capture or a world file, and what was recorded of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path as File
from typing import Any

from esnode.errors import EsnodeError
from esnode.model.cluster import GpuPod
from esnode.model.metrics import METRICS, PROMETHEUS_PREFIX
from esnode.model.profile import Path
from esnode.model.story import Stage
from esnode.model.traces import Trace
from esnode.storage.files import read_file
from esnode.storage.stories.notes import Notes, did_you_mean, listed
from esnode.storage.traces.read import read_trace

MACHINES = ("board", "capture", "world")
_OF_A_BOARD = ("count", "workload", "processes", "ambient_celsius", "persistence", "driver")

Fields = Mapping[str, tuple[Path, Any]]
"""What holds for a story, each with its place: its own, else the defaults'."""


def fields_of(document: Mapping[str, Any], index: int) -> Fields:
    """A story's own parts over the defaults. A story with a machine of its own has nothing of the default one."""
    defaults, story = document.get("defaults", {}), document["stories"][index]
    own: dict[str, tuple[Path, Any]] = {key: (("stories", index, key), value) for key, value in story.items()}
    is_other = any(key in story for key in MACHINES) and not ("board" in story and "board" in defaults)
    dropped = {*MACHINES, *_OF_A_BOARD} if is_other else set()
    taken = {key: (("defaults", key), value) for key, value in defaults.items() if key not in dropped}
    return {**taken, **own}


def read_stage(notes: Notes, fields: Fields, path: Path, file: File) -> Stage | None:
    """The machine; None, and a note, where it cannot be told. `file` is the test."""
    named = [key for key in MACHINES if key in fields]
    if len(named) != 1:
        notes.wrong(
            path,
            f"a story has exactly one machine: board, capture or world; found {' and '.join(named) or 'none'}",
            "Write board: H100-SXM, here or under defaults:.",
        )
        return None
    trace = _trace(notes, fields, file.parent)
    pods = tuple(_pod(one) for one in fields["pods"][1]) if "pods" in fields else ()
    stale = fields["trace"][1].get("stale_after", 300) if "trace" in fields and _is_whole(fields) else 300
    more: dict[str, Any] = {"trace": trace, "pods": pods, "stale_after": notes.seconds(path, stale)}
    if named == ["board"]:
        return _board(notes, fields, file, trace, more)
    for key in _OF_A_BOARD:
        if key in fields:
            notes.wrong(fields[key][0], f'"{key}" is of a board, and this story has a {named[0]}', at_key=True)
    where, value = fields[named[0]]
    found = file.parent / value
    try:
        text = read_file(found, named[0])
    except EsnodeError as failure:
        notes.failed(where, failure)
        return None
    if named == ["world"]:
        return Stage(manifest=text, path=str(found), has_physics=True, **more)
    manifest = {**_HEAD, "from": str(found.absolute())}
    return Stage(manifest=json.dumps(manifest).encode(), path=str(file), has_physics=False, capture=str(found), **more)


_HEAD = {"apiVersion": "v1", "kind": "SimulatedMachine", "name": "story"}


def _board(notes: Notes, fields: Fields, file: File, trace: Trace | None, more: dict[str, Any]) -> Stage:
    count = int(fields["count"][1]) if "count" in fields else trace.count if trace else 1
    if trace and trace.count > count:
        summary = f"{trace.name} is of {trace.count} GPUs, the machine has {count}"
        notes.wrong(fields["trace"][0], summary, "Say count: or leave it out.")
    machine = {key: fields[key] for key in ("driver", "ambient_celsius", "persistence") if key in fields}
    gpu: dict[str, tuple[Path, Any]] = {"board": fields["board"], "count": ((), count)}
    gpu |= {key: fields[key] for key in ("workload", "processes") if key in fields}
    return Stage(
        manifest=_on_its_lines(notes, machine, gpu),
        path=str(file),
        has_physics="workload" in fields,
        count=count,
        **more,
    )


def _on_its_lines(notes: Notes, machine: Fields, gpu: Fields) -> bytes:
    """The machine as a world file in which every part stands on the line that it has in the test.

    What is wrong with it is then told with that line.
    """
    parts = [(0, f'{json.dumps(_HEAD).rstrip("}")}, "speed": 0, "gpus": [{{"board": {json.dumps(gpu["board"][1])}')]
    parts += sorted(
        (notes.line(at), f', "{key}": {json.dumps(value)}') for key, (at, value) in gpu.items() if key != "board"
    )
    lines = max(line for line, _ in parts)
    text = ""
    for line, part in parts:
        text += "\n" * max(0, line - 1 - text.count("\n")) + part
    text += "}]"
    rest = sorted(
        (max(lines, notes.line(at)), f', "{key}": {json.dumps(value)}') for key, (at, value) in machine.items()
    )
    for line, part in rest:
        text += "\n" * max(0, line - 1 - text.count("\n")) + part
    return (text + "}").encode()


def _is_whole(fields: Fields) -> bool:
    return isinstance(fields["trace"][1], dict)


def _trace(notes: Notes, fields: Fields, folder: File) -> Trace | None:
    if "trace" not in fields:
        return None
    where, given = fields["trace"]
    whole = given if isinstance(given, dict) else {"files": given}
    metric = whole.get("metric", "")
    if metric and metric not in METRICS and not metric.startswith(PROMETHEUS_PREFIX):
        notes.wrong((*where, "metric"), f'there is no metric "{metric}"', did_you_mean(metric, list(METRICS)))
        return None
    files = [folder / name for name in listed(whole["files"])]
    try:
        return read_trace(files, metric=metric, where=whole.get("where", {}))
    except EsnodeError as failure:
        notes.failed(where, failure)
        return None


def _pod(given: Mapping[str, Any]) -> GpuPod:
    namespace, slash, name = given["name"].rpartition("/")
    return GpuPod(
        namespace=namespace if slash else "default",
        name=name,
        uid=given["name"],
        resources={"nvidia.com/gpu": str(int(given.get("gpus", 1)))},
    )
