"""The schema of world files and the simulator's own reader, which is the judge, agree."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from esnode.errors import WorldInvalid
from esnode.simulator import manifest
from esnode.storage import world_grammar
from esnode.storage.kinds import NODE_KEYS
from esnode.storage.node_files.grammar import node_schema
from esnode.storage.yaml.text import parse_yaml
from tests.places import EXAMPLES

SCHEMA = world_grammar.world_schema()
HEAD = "apiVersion: v1\nkind: SimulatedMachine\n"
GPU = SCHEMA["properties"]["gpus"]["items"]


def reads(text: str) -> bool:
    try:
        manifest.read_manifest(Path("world.yaml"), text.encode())
    except WorldInvalid as wrong:
        assert wrong.problem and wrong.problem.range and wrong.problem.range.line >= 1
        return False
    return True


def fits(text: str) -> bool:
    (document,) = parse_yaml(text.encode(), "world.yaml").documents
    return Draft202012Validator(SCHEMA).is_valid(document.value)


def test_the_keys_are_those_that_the_reader_knows() -> None:
    assert set(SCHEMA["properties"]) == set(manifest._MACHINE_KEYS)
    assert set(GPU["properties"]) == set(manifest._GPU_KEYS)
    assert set(GPU["properties"]["processes"]["items"]["properties"]) == set(manifest._PROCESS_KEYS)
    assert world_grammar.PROCESS_TYPES == manifest.PROCESS_TYPES
    assert world_grammar.MOST_GPUS == manifest._MOST_GPUS
    assert set(node_schema()["properties"]) == set(NODE_KEYS)


@pytest.mark.parametrize("path", sorted((EXAMPLES / "machines").iterdir()), ids=lambda path: path.name)
def test_every_example_fits(path: Path) -> None:
    assert fits(path.read_text()) and reads(path.read_text())


@pytest.mark.parametrize(
    ("body", "is_right"),
    [
        ("gpus: [{board: T4}]", True),
        ("gpus: [{board: T4, count: 3}]", True),
        ("gpus: [{board: T4}]\ndriver: 580.105.08", True),
        ("gpus: [{board: T4}]\nspeed: 0", True),
        ("gpus: [{board: T4, workload: [{utilization: 5}, {at: 5m, utilization: 9}]}]", True),
        ("gpus: [{board: T4, workload: {repeat: 1h, steps: [{utilization: 5}]}}]", True),
        ("gpus: [{board: T4, processes: [{name: a, type: mps, memory_mib: 5}]}]", True),
        ("gpus: [{board: T4, compute_mode: prohibited, ecc: false}]", True),
        ("gpus: [{board: T5}]", False),
        ("gpus: [{bord: T4}]", False),
        ("gpus: [{board: T4, count: 65}]", False),
        ("gpus: [{board: T4}]\nspeed: -1", False),
        ("gpus: [{board: T4}]\nroot: sometimes", False),
        ("gpus: [{board: T4, workload: {utilization: 101}}]", False),
        ("gpus: [{board: T4, processes: [{type: game}]}]", False),
        ("gpus: [{board: T4, mig: perhaps}]", False),
        ("gpus: {board: T4}", False),
        ("gpus: [{board: T4}]\ncolour: red", False),
    ],
)
def test_both_say_the_same(body: str, is_right: bool) -> None:
    assert reads(HEAD + body) is is_right
    assert fits(HEAD + body) is is_right
