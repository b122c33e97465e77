"""Canonical JSON: whatever makes it, the bytes are those of RFC 8785's reference."""

from __future__ import annotations

import json
import math
import random
import struct
import sys
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, ClassVar

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from esnode import wire
from esnode.errors import BadValue
from tests.builders import a_gpu, a_state, an_observation

NUMBERS = (
    st.floats()
    | st.floats(min_value=1e14, max_value=1e22)
    | st.floats(min_value=1e-8, max_value=1e-3)
    | st.integers()
    | st.integers(min_value=2**53 - 3, max_value=2**53 + 3)
    | st.integers(min_value=-(2**53) - 3, max_value=-(2**53) + 3)
    | st.integers(min_value=-(2**40), max_value=2**40).map(float)
)
CHARACTERS = st.characters() | st.sampled_from('\x00\b\t\x1f"/\\\x7f\u2028\ud800\udfff\ue000\uffff\U0001f525')
TEXTS = st.text(CHARACTERS) | st.sampled_from(("1.0", "12345678901234567890", ",12345678901234567890"))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=12,
)


def reference(document: Any) -> bytes | None:
    """None where it is refused."""
    try:
        return rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeError):
        return None


def ours(document: Any) -> bytes | None:
    try:
        return wire.canonical(document)
    except BadValue:
        return None


@given(DOCUMENTS)
@example({"\ufffd": 1, "\U0001f525": 2})
@example([-0.0, 0.0, 1e16, 1e21, 1e-6, 1e-7, 5e-324, 2.0**53, 2**53 - 1, -(2**53)])
@example({"watts": 560.0, "at": 1.5})
@example(math.nan)
@example([math.inf])
def test_a_document_is_written_or_refused_as_the_reference_does(document: Any):
    assert ours(document) == reference(document)


def test_every_number_is_written_as_the_reference_does():
    dice = random.Random(8785)
    bits = [struct.unpack("<d", dice.randbytes(8))[0] for _ in range(20_000)]
    scaled = [dice.choice((-1, 1)) * dice.random() * 10.0 ** dice.randint(-8, 23) for _ in range(20_000)]
    # As near to the middle between two decimals as a float comes.
    halves = [(dice.getrandbits(dice.randint(1, 53)) + 0.5) / 2 ** dice.randint(0, 8) for _ in range(20_000)]
    finite = [number for number in (*bits, *scaled, *halves) if math.isfinite(number)]
    assert [number for number in finite if ours(number) != reference(number)] == []


def test_every_character_is_written_as_the_reference_does():
    texts = [chr(code) for code in range(0x3000)] + [chr(code) for code in range(0xD7F0, 0x10FFFF, 97)]
    assert [text for text in texts if ours([text, {text: 1}]) != reference([text, {text: 1}])] == []


class Shape(Enum):
    ROUND = "round"


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        {1: "a number for a name"},
        {None: 1},
        {True: 1},
        {"1": 1, 1: 2},
        {Shape.ROUND: 1},
        {Colour.RED: 1},
        [Colour.RED],
        Shape.ROUND,
        b"bytes",
        {"a set"},
        (1, (2.0,)),
        datetime(2026, 1, 1, tzinfo=UTC),
        Decimal("1.5"),
        object(),
        2**64,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_is_written_or_refused_as_the_reference_does(value: Any):
    assert ours(value) == reference(value)
    assert ours([value]) == reference([value])


def test_what_is_nested_beyond_all_measure_is_a_bad_value():
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(BadValue, match="nested too deeply"):
        wire.canonical(deep)


def test_what_esnode_writes_needs_no_reference(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rfc8785, "dumps", None)
    observation = an_observation(a_gpu(0), a_gpu(1))
    state = wire.plain(a_state(observation))
    assert wire.canonical([state, "\u00e9", 0.25, 560.0, -0.0]).endswith('"é",0.25,560,0]'.encode())


@given(st.dictionaries(TEXTS | st.sampled_from(("checksul", "checksun", "checksum2")), st.integers(0, 9), max_size=6))
def test_a_sealed_object_is_the_canonical_form_of_itself_with_its_digest(members: dict[str, int]):
    whole = {name: value for name, value in members.items() if name.isprintable()}
    document = {**whole, "checksum": wire.digest(whole)}
    assert wire.sealed(whole) == wire.canonical(document)
    assert wire.is_sealed(document)
    assert not wire.is_sealed({**document, "more": 1})
    assert not wire.is_sealed(whole)


@pytest.mark.parametrize(
    "document",
    [
        {"boot": "sim:0000000000000000", "minus": "a-1234567890123456"},
        {"serial": ["1234567890123456789", "x1234567890123456"]},
        {"watts": 0.1234567890123456},
    ],
)
def test_long_runs_of_digits_in_a_text_or_behind_a_point_are_no_long_integers(document, monkeypatch):
    monkeypatch.setitem(sys.modules, "rfc8785", None)
    assert json.loads(wire.canonical(document)) == document


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 10**16, -(10**17)])
@pytest.mark.parametrize("text", ["%d", "[%d]", "[1,%d]", '{"a":%d}', '{"a":1,"b":[{"c":%d}]}'])
def test_an_integer_beyond_two_to_the_53_has_no_canonical_form_wherever_it_stands(number, text):
    with pytest.raises(BadValue):
        wire.canonical(json.loads(text % number))


class TestParseSealed:
    DOCUMENT: ClassVar = {"a": [1, 2.5, "x"], "n": {"b": None}}

    @pytest.mark.parametrize("form", [wire.sealed, lambda document: wire.laid_out(wire.sealed(document))])
    def test_what_was_sealed_is_read(self, form):
        read = wire.parse_sealed(form(self.DOCUMENT))
        assert read and read == wire.parse(form(self.DOCUMENT)) and wire.is_sealed(read)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda data: data.replace(b"2.5", b"2.6"),
            lambda data: data.replace(b"2.5", b"2.50"),
            lambda data: data.replace(b'{"a"', b'{"a":0,"a"'),
            lambda data: data + b" ",
            lambda data: data[:-1],
            lambda data: b"\xff" + data,
            lambda data: b"[]",
            lambda data: b"",
        ],
    )
    def test_anything_else_is_not(self, spoil):
        assert wire.parse_sealed(spoil(wire.sealed(self.DOCUMENT))) is None
