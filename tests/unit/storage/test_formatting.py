"""Canonical layout: nothing is lost, nothing changes its meaning, and a second time nothing changes at all."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esnode.errors import FormatRefused
from esnode.storage.formatting import formatted
from esnode.storage.profiles.parse import parse_profiles
from esnode.storage.yaml.parts import comments_of
from esnode.storage.yaml.text import parse_yaml
from tests.places import EXAMPLES

FILES = sorted([*(EXAMPLES / "profiles").iterdir(), *(EXAMPLES / "machines").glob("*.yaml"), EXAMPLES / "node.yaml"])

UNTIDY = """\
# About this file.

kind:   EfficiencyProfile   # what it is
apiVersion: 'v1'
# Rules first.
policies:
    - condition: "> 82"   # quotes are needed here
      name: 'cool'
      # which metric
      target: gpu_temp_celsius
      action: {type: throttle_power, parameters: {min_watts: 300,   # the floor
          step_watts: 50}}
      # severity: critical
    # - name: another
# Who it is.


metadata:
      version: "1.0"
      name: "lab"     # a name
      # end of metadata
# end of the file
---
# A second one.
apiVersion: v1
kind: EfficiencyProfile
metadata: {name: other, version: '2'}
policies: []
"""

TIDY = """\
# About this file.

apiVersion: v1
kind: EfficiencyProfile  # what it is
# Who it is.

metadata:
  name: lab  # a name
  version: "1.0"
  # end of metadata
# Rules first.
policies:
  - name: cool
    # which metric
    target: gpu_temp_celsius
    condition: "> 82"  # quotes are needed here
    action:
      type: throttle_power
      parameters:
        step_watts: 50
        min_watts: 300  # the floor
    # severity: critical
  # - name: another
# end of the file
---
# A second one.
apiVersion: v1
kind: EfficiencyProfile
metadata: {name: other, version: "2"}
policies: []
"""


def tidy(text: str | bytes) -> str:
    return formatted(text.encode() if isinstance(text, str) else text, "any.es").decode()


def values(text: str) -> list[Any]:
    return [document.value for document in parse_yaml(text.encode(), "any.es").documents]


def test_an_untidy_profile_becomes_a_tidy_one() -> None:
    assert tidy(UNTIDY) == TIDY
    assert tidy(TIDY) == TIDY


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_example_is_kept_in_canonical_layout(path: Path) -> None:
    text = path.read_text()
    if path.name != "llama3-training-h100.es":  # the specification's own, as it was printed there
        assert tidy(text) == text
    assert tidy(tidy(text)) == tidy(text)


def test_the_digest_of_a_profile_stays() -> None:
    before = parse_profiles(UNTIDY.encode(), "a.es")
    after = parse_profiles(tidy(UNTIDY).encode(), "a.es")
    assert [profile.sha256 for profile in before] == [profile.sha256 for profile in after]
    assert before == after


LABEL = "apiVersion: v1\nkind: EfficiencyProfile\nmetadata:\n  labels:\n    a: "


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('"1.0"', '"1.0"'),
        ("'on'", '"on"'),
        ('"no"', '"no"'),
        ('"0123"', '"0123"'),
        ('"12:30"', '"12:30"'),
        ('"2026-01-01"', '"2026-01-01"'),
        ('"~"', '"~"'),
        ('""', '""'),
        ('"two words"', "two words"),
        ("'it''s'", "it's"),
        ('"a # b"', '"a # b"'),
        ('"a#b"', "a#b"),
        ('"a: b"', '"a: b"'),
        ('"> 82"', '"> 82"'),
        ("'say \"hi\"'", 'say "hi"'),
        ("'\"hi\"'", "'\"hi\"'"),
        ('"tab\\there"', '"tab\\there"'),
        ("on", "on"),
        ("0x1F", "0x1F"),
        ("2026-01-01", "2026-01-01"),
        ("|\n        one\n         two", "|\n      one\n       two"),
        (">-\n          folded\n          text", ">-\n      folded\n      text"),
    ],
)
def test_quotes_stand_where_they_are_needed(written: str, kept: str) -> None:
    assert tidy(f"{LABEL}{written}\n").removeprefix(LABEL) == f"{kept}\n"


def test_windows_line_ends_and_a_byte_order_mark_go() -> None:
    assert tidy(b"\xef\xbb\xbf" + UNTIDY.replace("\n", "\r\n").encode()) == TIDY


def test_a_document_with_anchors_keeps_its_order() -> None:
    text = "kind: EfficiencyProfile\napiVersion: v1\nmetadata: &m {name: a, version: &v '1'}\npolicies: [*m, *v]\n"
    assert tidy(text) == text.replace("'1'", '"1"')


@pytest.mark.parametrize("text", ["a: [\n", "kind: Pod\n", "- 1\n", "\tx: 1\n", "a: 1\na: 2\n", "x: !!str 5\n"])
def test_what_is_no_file_of_ours_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(FormatRefused) as refused:
        tidy(text)
    assert all(problem.range and problem.range.line >= 1 for problem in refused.value.problems)


def test_an_empty_file_stays_empty() -> None:
    assert tidy("") == ""
    assert tidy("\n\n# only this\n") == "# only this\n"


REMARKS = st.sampled_from(["# a", "#b: c", "# - d", "#", "# 'e", '# "f', "# {", "   # g"])


@settings(deadline=3000, max_examples=25)
@given(st.sampled_from([path.read_text() for path in FILES] + [UNTIDY]), st.randoms(use_true_random=False), st.data())
def test_comments_and_empty_lines_anywhere_are_kept(text: str, chance: random.Random, draw: st.DataObject) -> None:
    lines = text.split("\n")
    added: Counter[str] = Counter()
    for _ in range(draw.draw(st.integers(1, 6))):
        at = draw.draw(st.integers(0, len(lines) - 1))
        remark = draw.draw(REMARKS)
        match draw.draw(st.sampled_from(["own line", "beside", "empty"])):
            case "own line":
                lines.insert(at, " " * draw.draw(st.integers(0, 9)) + remark)
                added[remark.strip()] += 1
            case "beside" if "#" not in lines[at]:
                lines[at] += f" {remark}"
                added[remark.strip()] += 1
            case _:
                lines.insert(at, "")
    changed = "\n".join(lines)
    if parse_yaml(changed.encode(), "a").problems:
        return
    result = tidy(changed)
    assert values(result) == values(changed)
    assert comments_of(result) == comments_of(changed)
    assert not added - Counter(comments_of(result))
    assert tidy(result) == result


TEXTS = st.text(
    st.characters(blacklist_categories=("Cc", "Cs"), blacklist_characters="\ufeff\ufffe\uffff"), max_size=12
)
SCALARS = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(["yes", "1.0", "a: b", "a #b", "- x", "? y", "[", "> 5", "x\ny", " z", "!t", "&a", "*a", "%", "@"]),
)
TREES = st.recursive(SCALARS, lambda part: st.lists(part, max_size=4) | st.dictionaries(TEXTS, part, max_size=4))


@settings(deadline=3000, max_examples=25)
@given(st.dictionaries(TEXTS, TREES, max_size=4), st.integers(0, 4))
def test_any_values_are_kept(tree: dict[str, Any], indent: int) -> None:
    """JSON is YAML: flow collections, one line or many."""
    document = {**tree, "kind": "EfficiencyProfile", "policies": [], "metadata": tree}
    text = json.dumps(document, ensure_ascii=False, indent=indent or None)
    if parse_yaml(text.encode(), "a").problems:
        return
    result = tidy(text)
    assert values(result) == values(text)
    assert tidy(result) == result


@settings(deadline=3000, max_examples=20)
@given(TREES)
def test_block_collections_are_kept(tree: Any) -> None:
    def block(value: Any, indent: int) -> str:
        pad = "\n" + " " * indent
        match value:
            case dict() if value:
                return "".join(f"{pad}{json.dumps(key)}:{block(part, indent + 3)}" for key, part in value.items())
            case list() if value:
                return "".join(f"{pad}-{block(part, indent + 3)}" for part in value)
            case _:
                return " " + json.dumps(value, ensure_ascii=False)

    text = f"kind: EfficiencyProfile\npolicies:{block(tree, 2)}\nmetadata: 1\n"
    if parse_yaml(text.encode(), "a").problems:
        return
    result = tidy(text)
    assert values(result) == values(text)
    assert tidy(result) == result
