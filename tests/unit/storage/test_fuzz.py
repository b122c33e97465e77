"""States, plans, histories and claims that are damaged in every way: only clear errors, and no file changed."""

import json
import random
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esnode import wire
from esnode.errors import BadValue, EsnodeError
from esnode.storage.claims import ClaimFolder
from esnode.storage.history import HistoryFile
from esnode.storage.plans import plan_bytes, read_plan
from esnode.storage.profiles.read import read_profiles
from esnode.storage.states import StateFile
from esnode.views.plan_text import plan_text
from esnode.views.state import state_text
from esnode.views.text import Paint
from tests.builders import a_gpu, a_policy, a_profile, an_observation, plan_of
from tests.places import SPECIFICATION_PROFILE
from tests.unit.engine.machine import FakeMachine

FUZZ = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

STRANGE: list[Any] = [
    None, True, 0, -1, 2**53, 2**70, 1e308, -0.0, 1.5, "", "x", "\ud800", "GPU-0", [], {}, [[]], {"missing": "no"},
    "2026-01-01T00:00:00", "9999-12-31T23:59:59Z", [1, 2], {"min": 1}, float("nan"), float("inf"),
]  # fmt: skip
"""What may stand where something else should."""


@cache
def real(kind):
    """The bytes of a real file."""
    if kind == "plan":
        profiles = read_profiles([str(SPECIFICATION_PROFILE)])
        return plan_bytes(plan_of(profiles, an_observation(a_gpu(0, metrics={"gpu_temp_celsius": 90.0}), a_gpu(1))))
    machine = FakeMachine(a_gpu(0), a_gpu(1))
    machine.plan_and_apply(a_profile(a_policy(condition="> 50"), settings={"graphics_clock_mhz": 1200.0}))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "esnode.state.json"
        StateFile(path).save(machine.state)
        return path.read_bytes() if kind == "state" else HistoryFile(path).path.read_bytes()


def read_state(path):
    """As a command does it: decode, show, and be ready to write it again."""
    state = StateFile(path).load_existing()
    state_text(state)
    wire.pretty(wire.plain(state))


def read_saved_plan(path):
    plan, _ = read_plan(path)
    plan_text(plan, Paint())


READERS = {"state": read_state, "plan": read_saved_plan, "history": lambda path: HistoryFile(path).read()}


def check(kind, data, tmp_path):
    name = "esnode.state.json.history" if kind == "history" else f"{kind}.json"
    path = tmp_path / name
    path.write_bytes(data)
    try:
        READERS[kind](path.with_name("esnode.state.json") if kind == "history" else path)
    except EsnodeError as known:
        assert known.summary
    assert path.read_bytes() == data
    assert [item.name for item in tmp_path.iterdir()] == [name]


def mutate(value, source):
    """`value` with one part somewhere in it replaced, removed, added or nested."""
    if isinstance(value, dict) and value and source.random() < 0.9:
        name = source.choice(sorted(value))
        kind = source.random()
        if kind < 0.1:
            return {key: item for key, item in value.items() if key != name}
        if kind < 0.2:
            return {**value, source.choice(["", "x", name + "x", "\ud800"]): source.choice(STRANGE)}
        return {**value, name: mutate(value[name], source)}
    if isinstance(value, list) and value and source.random() < 0.9:
        index = source.randrange(len(value))
        if source.random() < 0.1:
            return value[:index] + value[index + 1 :]
        return [*value[:index], mutate(value[index], source), *value[index + 1 :]]
    return source.choice(STRANGE)


def sealed(document):
    """With the checksum that fits, so that the decoder is reached; unsealed where there is none."""
    if isinstance(document, dict):
        document = {name: value for name, value in document.items() if name != "checksum"}
        try:
            document["checksum"] = wire.digest(document)
        except BadValue:
            document["checksum"] = "0" * 64
    return json.dumps(document).encode()


@pytest.mark.parametrize("kind", READERS)
@FUZZ
@given(data=st.data())
def test_flipped_and_missing_bytes_are_errors(kind, data, tmp_path):
    whole = bytearray(real(kind))
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(whole), data.draw(st.integers(0, len(whole)))]))
    check(kind, bytes(whole[:end]), tmp_path)


@pytest.mark.parametrize("kind", READERS)
@FUZZ
@given(seed=st.integers(0, 2**32), times=st.integers(1, 4))
def test_json_of_the_wrong_shape_is_an_error(kind, seed, times, tmp_path):
    source = random.Random(seed)
    lines = real(kind).splitlines() if kind == "history" else [real(kind)]
    document = json.loads(lines[-1])
    for _ in range(times):
        document = mutate(document, source)
    check(kind, sealed(document), tmp_path)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"version": 1, "lineage": ' + b"9" * 5000 + b"}",
        b'{"version": 1, "lineage": NaN, "checksum": ""}',
        b'{"version": 1e400, "lineage": "a"}',
        b'{"resource_changes": [], "checksum": "", "format_version": ' + b"9" * 5000 + b"}",
        b'{"version": 1, "version": 1, "lineage": ""}',
        b"\x00" * 1000,
    ],
    ids=["brackets", "braces", "digits", "nan", "huge", "plan-digits", "twice", "zeros"],
)
def test_what_breaks_parsers_is_an_error(kind, data, tmp_path):
    check(kind, data, tmp_path)


@FUZZ
@given(data=st.binary(max_size=200))
def test_a_claim_is_understood_or_none(data, tmp_path):
    (tmp_path / "GPU-0.claim").write_bytes(data)
    ClaimFolder(tmp_path).foreign(["GPU-0"], "ours")
