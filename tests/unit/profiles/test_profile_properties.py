"""Whatever the text: a profile or a ProfileInvalid, and soon. And small grammars that read what they write."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esnode.errors import BadValue, ProfileInvalid
from esnode.model.metrics import METRICS, Metric, metric
from esnode.model.profile import Condition, Operator
from esnode.storage.fit import fits
from esnode.storage.profiles.grammar import profile_schema
from esnode.storage.profiles.lint import lint_profile
from esnode.storage.profiles.parse import parse_profiles, profile_from_document
from esnode.storage.profiles.values import parse_condition
from esnode.storage.yaml.text import parse_yaml
from esnode.units import format_duration, parse_duration
from tests.unit.profiles.profile_texts import VALID, problems

EXAMPLES = [
    path.read_bytes() for path in sorted((Path(__file__).resolve().parents[3] / "examples" / "profiles").iterdir())
]
PIECES = [
    b"\t",
    b"- ",
    b": ",
    b"&a ",
    b"*a",
    b"[",
    b"}",
    b'"',
    b"'",
    b"> ",
    b"|\n",
    b"\n",
    b"%",
    b"!!x ",
    b"\xff",
    b"---\n",
]
METRIC = st.sampled_from(list(METRICS.values()))


def survives(data: bytes) -> None:
    try:
        for profile in parse_profiles(data, "any.es"):
            lint_profile(profile)
    except ProfileInvalid as invalid:
        assert invalid.problems
        for problem in invalid.problems:
            assert problem.summary and not problem.summary.endswith(".")
            assert problem.range and problem.range.line >= 1 <= problem.range.column < problem.range.end_column


@given(METRIC, st.sampled_from(Operator), st.floats(-1e14, 1e14), st.booleans())
def test_a_condition_reads_what_it_writes(row: Metric, op: Operator, limit: float, has_unit: bool) -> None:
    condition = Condition(op=op, limit=min(limit, row.highest), unit=row.unit if has_unit else "")
    assert parse_condition(str(condition), row) == condition


@given(st.text(), METRIC)
def test_any_text_is_a_condition_or_a_bad_value(text: str, row: Metric) -> None:
    try:
        assert parse_condition(text, row).limit <= row.highest
    except BadValue as wrong:
        assert wrong.summary and wrong.next_step


@given(st.integers(0, 364), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_is_the_sum_of_its_parts(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"{days}d{hours}h{minutes}m{seconds}s"
    assert float(parse_duration(text)) == ((days * 24 + hours) * 60 + minutes) * 60 + seconds


@given(st.one_of(st.integers(0, 3599), st.integers(0, 1439).map(lambda minutes: minutes * 60)))
def test_a_duration_reads_what_it_writes(seconds: int) -> None:
    assert float(parse_duration(format_duration(seconds))) == seconds


@given(st.binary(max_size=400))
def test_any_bytes_are_a_profile_or_invalid(data: bytes) -> None:
    survives(data)


@given(st.text(max_size=400))
def test_any_text_is_a_profile_or_invalid(text: str) -> None:
    survives(text.encode("utf-8", "replace"))


@settings(max_examples=300)
@given(st.sampled_from(EXAMPLES), st.data())
def test_a_mutilated_example_is_a_profile_or_invalid(data: bytes, draw: st.DataObject) -> None:
    for _ in range(draw.draw(st.integers(1, 3))):
        begin = draw.draw(st.integers(0, len(data)))
        end = begin + draw.draw(st.integers(0, 12))
        data = data[:begin] + draw.draw(st.sampled_from([b"", *PIECES])) + data[end:]
    survives(data)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 500),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["> 5", "5m", "alert", "80%", "gpu_utilization", "default", "v1", "x\n"]),
)
VALUES = st.recursive(
    SCALARS, lambda part: st.lists(part, max_size=2) | st.dictionaries(st.text(max_size=3), part, max_size=2)
)


def documents() -> list[Any]:
    return [document.value for data in EXAMPLES for document in parse_yaml(data, "example.es").documents]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [(value, key) for key, _ in pairs]
    return found + [place for container, key in list(found) for place in places(container[key])]


@settings(max_examples=300)
@given(st.sampled_from(documents()), st.data())
def test_the_fast_answer_and_the_json_schema_agree(document: Any, draw: st.DataObject) -> None:
    from jsonschema import Draft202012Validator

    changed = copy.deepcopy(document)
    container, key = draw.draw(st.sampled_from(places(changed)))
    match draw.draw(st.sampled_from(["replace", "remove", "add"])):
        case "replace":
            container[key] = draw.draw(VALUES)
        case "remove":
            del container[key]
        case _ if isinstance(container, dict):
            container[draw.draw(st.sampled_from(["channel", "parameters", "settings", "min", "x"]))] = draw.draw(VALUES)
    assert fits(changed, profile_schema()) == Draft202012Validator(profile_schema()).is_valid(changed)
    try:
        profile_from_document(changed, "changed")
    except ProfileInvalid:
        return
    assert fits(changed, profile_schema())


def test_the_values_of_yaml_are_those_of_version_1_2() -> None:
    text = b"[on, yes, true, null, ~, 012, 0o17, 0x1F, 1e3, .5, 1_000, 12:30, 2024-01-01, -0]"
    (document,) = parse_yaml(text, "values.yaml").documents
    assert document.value == ["on", "yes", True, None, None, 12, 15, 31, 1000.0, 0.5, "1_000", "12:30", "2024-01-01", 0]


@pytest.mark.parametrize("unit", ["C", "°C", "celsius", ""])
def test_a_unit_may_be_spelled_as_people_do(unit: str) -> None:
    condition = parse_condition(f">= 82.5 {unit}", metric("gpu_temp_celsius"))
    assert str(condition) == ("> 82.5C" if unit else "> 82.5").replace(">", ">=")


def test_a_prometheus_query_is_a_target() -> None:
    assert not problems(VALID.replace("gpu_temp_celsius", '"prometheus:avg(node_load1)"'))
