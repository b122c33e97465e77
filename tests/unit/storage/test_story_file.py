"""Tests of profiles from files: what is right, and what is wrong with its line and column."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from esnode.errors import EsnodeError, NoStory, StoryInvalid
from esnode.model.settings import ClockRange
from esnode.model.story import (
    About,
    ChangeExpected,
    Counted,
    CountExpected,
    Manner,
    Ramp,
    SettingsExpected,
    StatusExpected,
    Window,
    Word,
)
from esnode.storage.fit import _RULES, fits
from esnode.storage.profiles.read import read_profiles
from esnode.storage.stories.grammar import story_schema
from esnode.storage.stories.read import find_tests, parse_test, problems_of, read_test
from tests.places import EXAMPLES

PROFILE = """\
apiVersion: v1
kind: EfficiencyProfile
metadata: {name: heat, version: "1"}
policies:
  - name: cool
    target: gpu_temp_celsius
    condition: "> 80"
    action: {type: throttle_power, parameters: {step_watts: 50, min_watts: 300}}
"""
HEAD = "apiVersion: v1\nkind: ProfileTest\nprofiles: heat.es\n"
STORY = "stories:\n  - name: a\n    board: H100-SXM\n"
EXPECT = "    expect: [{at: 0s, policy: cool, status: SKIPPED}]\n"


def read(tmp_path, text):
    (tmp_path / "heat.es").write_text(PROFILE)
    path = tmp_path / "a.test.yaml"
    path.write_text(text)
    return read_test(str(path))


def mistakes(tmp_path, text):
    with pytest.raises(StoryInvalid) as invalid:
        read(tmp_path, text)
    found = [(problem.range, problem.summary) for problem in invalid.value.problems]
    return [(place.line, place.column, summary) for place, summary in found if place]


def wanted(tmp_path, expectation):
    (story,) = read(tmp_path, f"{HEAD}{STORY}    lasts: 10m\n    expect:\n      - {expectation}\n").stories
    return story.expectations[0].wanted


def test_a_story_is_what_was_written(tmp_path):
    test = read(
        tmp_path,
        HEAD
        + "defaults: {board: H100-SXM, count: 2, tags: {a: x, b: y}}\n"
        + "stories:\n  - name: hot\n    tags: {b: z}\n    interval: 10s\n    readings:\n"
        + "      - {at: 0s, gpu_temp_celsius: 75}\n"
        + "      - {at: 1m, gpu: 1, gpu_temp_celsius: {from: 70, to: 90, over: 5m}, gpu_utilization: missing}\n"
        + "      - {at: 90, set: {power_limit_watts: 700, persistence_mode: true}, machine: {driver: restart}}\n"
        + "    expect:\n      - {at: 2m, policy: cool, status: ACTIVE}\n",
    )
    (story,) = test.stories
    assert (story.tags, story.interval, story.seconds, story.stage.count) == ({"a": "x", "b": "z"}, 10, 360, 2)
    assert story.events[1].metrics == {
        "gpu_temp_celsius": Ramp(start=70, end=90, over=300),
        "gpu_utilization": Word.MISSING,
    }
    assert story.events[2].hand == {"power_limit_watts": "700", "persistence_mode": "on"}
    assert [event.gpus for event in story.events] == [(), (1,), ()]
    assert story.expectations[0].line == 14


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "{at: 5m10s, policy: cool, gpu: 0, status: [ACTIVE, HOLDING], reason: hot}",
            StatusExpected(
                window=Window(start=310, end=310),
                about=About(gpus=(0,), profile="heat", policy="cool"),
                manner=Manner.IS,
                statuses=("ACTIVE", "HOLDING"),
                reason="hot",
            ),
        ),
        (
            "{policy: cool, never: NOT_SELECTED, from: 1m}",
            StatusExpected(
                window=Window(start=60),
                about=About(profile="heat", policy="cool"),
                manner=Manner.NEVER,
                statuses=("NOT_SELECTED",),
            ),
        ),
        (
            "{change: graphics_clock_mhz, before: unlocked, after: {min: 345, max: 900}}",
            ChangeExpected(
                window=Window(),
                about=About(subject="graphics_clock_mhz"),
                values={"before": None, "after": ClockRange(min=345, max=900)},
            ),
        ),
        (
            "{change: process, action: delete, process: 'train*', to: 5m}",
            ChangeExpected(window=Window(end=300), about=About(subject="process"), action="delete", process="train*"),
        ),
        (
            "{settings: {power_limit_watts: 650, persistence_mode: true, compute_mode: default}}",
            SettingsExpected(
                at=None,
                about=About(),
                settings={"power_limit_watts": 650.0, "persistence_mode": True, "compute_mode": "default"},
            ),
        ),
        ("{changes: none}", CountExpected(window=Window(), about=About(), what=Counted.CHANGES, least=0, most=0)),
        (
            "{writes: {at_most: 3}, setting: power_limit_watts}",
            CountExpected(
                window=Window(), about=About(subject="power_limit_watts"), what=Counted.WRITES, least=0, most=3
            ),
        ),
        ("{failures: 2}", CountExpected(window=Window(), about=About(), what=Counted.FAILURES, least=2, most=2)),
    ],
)
def test_an_expectation_is_what_was_written(tmp_path, text, value):
    assert wanted(tmp_path, text) == value


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        (STORY + "    expects: []\n" + EXPECT, 7, 5, 'unknown key "expects"'),
        (STORY.replace("H100-SXM", "H100-SMX") + EXPECT, 6, 12, 'unknown word "H100-SMX"'),
        (STORY + "    lasts: 5\n" + EXPECT, 7, 12, "lasts must be a duration"),
        (STORY + "    lasts: 1m1h\n" + EXPECT, 7, 12, '"1m1h" is not a duration'),
        (STORY.replace("board: H100-SXM", "lasts: 1m") + EXPECT, 5, 5, "exactly one machine"),
        (STORY + "    world: w.yaml\n" + EXPECT, 5, 5, "found board and world"),
        (STORY.replace("board: H100-SXM", "world: no.yaml") + EXPECT, 6, 12, "There is no world at"),
        (STORY + "    trace: no.csv\n" + EXPECT, 7, 12, "There is no trace at"),
        (STORY + "    node: no.yaml\n" + EXPECT, 7, 11, "cannot read"),
        (STORY + "    readings: [{at: 0s, gpu_tmp_celsius: 4}]\n" + EXPECT, 7, 25, 'unknown key "gpu_tmp_celsius"'),
        (STORY + "    readings: [{at: 0s, gpu_utilization: 101}]\n" + EXPECT, 7, 42, "at most 100%"),
        (STORY + "    readings: [{at: 0s, gpu_utilization: often}]\n" + EXPECT, 7, 42, 'unknown word "often"'),
        (STORY + "    readings: [{at: 0s}]\n" + EXPECT, 7, 16, "tells nothing"),
        (
            STORY + "    readings: [{at: 9s, gpu_utilization: 1}, {at: 1s, gpu_utilization: 1}]\n" + EXPECT,
            7,
            51,
            "above",
        ),
        (STORY + "    readings: [{at: 0s, gpu: 1, gpu_utilization: 1}]\n" + EXPECT, 7, 30, "there is no GPU 1"),
        (STORY + "    readings: [{at: 0s, set: {gpu_temp_celsius: 9}}]\n" + EXPECT, 7, 31, "is a reading"),
        (STORY + "    readings: [{at: 0s, machine: {clock: +5m}}]\n" + EXPECT, 7, 35, "the story's own"),
        (STORY + EXPECT.replace("cool", "coll"), 7, 31, 'there is no policy "coll"'),
        (STORY + EXPECT.replace("SKIPPED", "SKIPED"), 7, 45, 'unknown word "SKIPED"'),
        (STORY + EXPECT.replace("at: 0s, ", "") + "    lasts: 1m\n", 7, 14, "expected at some time"),
        (STORY + EXPECT.replace("at: 0s", "at: 0s, from: 1s"), 7, 19, "one moment"),
        (STORY + EXPECT.replace("at: 0s", "at: 0s, setting: compute_mode"), 7, 23, 'no meaning beside "status"'),
        (STORY + "    expect: [{at: 0s, gpu: 0}]\n", 7, 14, "exactly one of"),
        (STORY + "    expect: [{changes: none}]\n", 5, 11, "how long the story lasts"),
        (STORY + "    expect: [{at: 0s, settings: {compute_mode: often}}]\n", 7, 48, "no value 'often'"),
        (STORY + "    expect: [{change: alert, after: 3}]\n    lasts: 1m\n", 7, 37, "for settings"),
        (STORY + "    expect: [{changes: {at_least: 3, at_most: 1}}]\n    lasts: 1m\n", 7, 24, "below at_least"),
        (STORY + "    lasts: 1m\n    expect: [{at: 2m, policy: cool, never: ACTIVE}]\n", 8, 15, "no meaning"),
        (STORY + "    lasts: 1m\n" + EXPECT.replace("0s", "2m"), 7, 12, "ends before"),
        (STORY + "    interval: 0s\n" + EXPECT, 7, 15, "no time at all"),
        (STORY + "    interval: 1ms\n    lasts: 1h\n" + EXPECT, 5, 11, "3,600,001 looks"),
        (STORY + EXPECT + STORY[9:] + EXPECT, 8, 11, 'two stories are called "a"'),
        ("stories: []\n", 4, 10, "must not be empty"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_column(tmp_path, text, line, column, said):
    ((at, where, summary),) = mistakes(tmp_path, HEAD + text)
    assert said in summary
    assert (at, where) == (line, column)


def test_every_mistake_of_a_file_is_told_at_once(tmp_path):
    text = HEAD + STORY + "    lasts: x\n    expect: [{at: 0s, policy: cool, status: ACTIV}]\n    nonsense: 1\n"
    assert [line for line, _, _ in mistakes(tmp_path, text)] == [7, 8, 9]


def test_a_profile_is_no_test(tmp_path):
    ((line, _, summary),) = mistakes(tmp_path, PROFILE)
    assert (line, summary) == (2, 'this is a "EfficiencyProfile", not a ProfileTest')


def test_a_profile_that_is_wrong_is_told_as_itself(tmp_path):
    (tmp_path / "bad.es").write_text(PROFILE.replace("> 80", "80"))
    with pytest.raises(EsnodeError) as invalid:
        parse_test((HEAD.replace("heat", "bad") + STORY + EXPECT).encode(), str(tmp_path / "a.test.yaml"))
    assert "bad.es" in invalid.value.summary


def test_a_policy_that_two_profiles_have_needs_its_profile(tmp_path):
    (tmp_path / "other.es").write_text(PROFILE.replace("heat", "other"))
    both = HEAD.replace("heat.es", "[heat.es, other.es]") + STORY
    assert mistakes(tmp_path, both + EXPECT)[0][2] == '2 profiles have a policy "cool"'
    story = read(tmp_path, both + EXPECT.replace("policy", "profile: other, policy")).stories[0]
    assert story.expectations[0].wanted.about.profile == "other"


# -- finding -------------------------------------------------------------------------------------


def test_tests_are_found_below_a_folder_and_are_no_profiles(tmp_path):
    for name in ("a.test.yaml", "sub/b_test.yml", ".venv/c.test.yaml", "heat.es", "plain.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(PROFILE.replace("heat", name[0]))
    assert [path.removeprefix(f"{tmp_path}/") for path in find_tests([tmp_path])] == ["a.test.yaml", "sub/b_test.yml"]
    assert find_tests([tmp_path / "plain.yaml", tmp_path / "sub", tmp_path / "sub" / "b_test.yml"]) == [
        str(tmp_path / "plain.yaml"),
        str(tmp_path / "sub" / "b_test.yml"),
    ]
    assert {profile.name for profile in read_profiles([tmp_path])} == {"h", "p"}


def test_a_folder_without_tests_is_an_error(tmp_path):
    with pytest.raises(NoStory):
        find_tests([tmp_path])


# -- the grammar ---------------------------------------------------------------------------------


def test_the_schema_is_one_and_the_quick_check_knows_its_words():
    Draft202012Validator.check_schema(story_schema())
    known = {*_RULES, "$schema", "$id", "title", "description", "x-expects"}
    found = set()

    def walk(schema):
        for name, value in schema.items() if isinstance(schema, dict) else ():
            found.add(name)
            parts = value.values() if name == "properties" else value if name == "anyOf" else [value]
            for part in parts if name in ("properties", "items", "additionalProperties", "anyOf") else ():
                walk(part)

    walk(story_schema())
    assert found - known == set()


@pytest.mark.parametrize("path", sorted((EXAMPLES / "tests").glob("*.yaml")), ids=lambda path: path.name)
def test_the_examples_are_right(path):
    assert read_test(str(path)).stories


_WORDS = st.sampled_from(
    ["apiVersion", "kind", "profiles", "stories", "name", "expect", "readings", "at", "status", "gpu", "board", "x"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["v1", "ProfileTest", "5m", "ACTIVE", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=10,
)


@settings(deadline=None, max_examples=80)
@given(_VALUES)
def test_any_document_is_right_or_explained(document):
    problems = problems_of(document)
    assert all(problem.summary for problem in problems)
    is_right = fits(document, story_schema())
    assert is_right == Draft202012Validator(story_schema()).is_valid(document)
    assert bool(problems) == (not is_right)
    json.dumps([problem.summary for problem in problems])


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(_WORDS, _VALUES, max_size=5), st.lists(st.dictionaries(_WORDS, _VALUES, max_size=4), max_size=3))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory, story, expect):
    folder = tmp_path_factory.mktemp("any")
    (folder / "heat.es").write_text(PROFILE)
    document = {
        "apiVersion": "v1",
        "kind": "ProfileTest",
        "profiles": "heat.es",
        "stories": [{"name": "a", "board": "T4", **story, "expect": expect}],
    }
    try:
        parse_test(json.dumps(document).encode(), str(folder / "a.test.yaml"))
    except EsnodeError as refused:
        assert refused.summary
