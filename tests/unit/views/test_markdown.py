"""A plan as a comment: bounded, and nothing of its input is taken for markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from esnode.diagnostics import warning
from esnode.model.profile import Alert
from esnode.records import replace
from esnode.views.markdown_words import code, words
from esnode.views.plan_markdown import LONGEST, plan_markdown
from tests.builders import a_gpu, a_policy, a_profile, an_observation, plan_of
from tests.unit.views.plans import NASTY, a_nasty_plan

RENDERER = MarkdownIt("commonmark").enable("table").enable("strikethrough")
OURS = {
    *("p", "h3", "strong", "code", "br", "ul", "li", "details", "summary", "blockquote"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: list[object] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def rendered(text: str) -> Tags:
    tags = Tags()
    tags.feed(RENDERER.render(text))
    return tags


def markdown(plan, source="plan.json"):
    return plan_markdown(plan, source=source, digest="ab" * 32)


PIECES = [
    "`",
    "*",
    "_",
    "__",
    "<b>",
    "&lt;",
    "[a](b)",
    "![",
    "|",
    "~~",
    "$",
    "@ada",
    "#1",
    "https://x.y",
    "www.x.y",
    "\\",
]


@given(st.lists(st.sampled_from([*PIECES, "a", " ", "1.", "- ", "+ ", "#", "\t"]) | st.text(max_size=3)).map("".join))
def test_words_are_shown_as_they_are(text):
    for escape in (words, code):
        shown = escape(text)
        tags = rendered(f"* {shown}\n\n| a | b |\n| --- | --- |\n| {shown} | x |\n")
        assert tags.seen <= {*OURS, "br"}


PRINTABLE = st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), max_size=40)


@given(PRINTABLE)
def test_words_say_what_was_said(text):
    said = rendered(f"| a |\n| --- |\n| x {words(text)} |\n").text
    assert said.replace("\u200b", "").split() == ["a", "x", *filter(None, [text])]


def test_a_mention_does_not_survive_in_the_rendered_text():
    assert "@ada" not in rendered(words("ask @ada about #12")).text


def test_a_nasty_plan_has_only_our_own_tags_and_no_link():
    tags = rendered(markdown(a_nasty_plan(), source=NASTY))
    assert tags.seen <= OURS
    assert not tags.attributes


def test_no_control_character_gets_through():
    assert all(char.isprintable() or char == "\n" for char in markdown(a_nasty_plan()))


def big_plan(count):
    """Changes that differ, so that none folds into another."""
    policies = [
        a_policy(f"policy-{number}", condition="> 50", action=Alert(channel=f"c{number}")) for number in range(count)
    ]
    return plan_of(a_profile(*policies), an_observation(*(a_gpu(index) for index in range(2))))


@pytest.fixture(scope="module")
def thousands():
    plan = big_plan(1500)
    change = plan.changes[0]
    more = tuple(
        replace(change, address=f"{change.address}-{number}", after={**change.after, "channel": f"c{number}"})
        for number in range(3000)
    )
    return replace(plan, changes=more, diagnostics=tuple(warning(f"Warning {n}", "x" * 300) for n in range(200)))


def test_thousands_of_changes_are_cut_and_counted(thousands):
    text = markdown(thousands)
    assert LONGEST - 3000 < len(text) <= LONGEST
    left_out = re.search(r"\*\*Left out\*\*.*: (.*)\. <code>esnode show plan\.json</code> shows everything", text)
    assert left_out
    counts = {what: int(number) for number, what in re.findall(r"(\d+) ([a-z ]+?)(?:,| and|$)", left_out[1])}
    assert counts["changed values"] + text.count("<code>+</code>") == 6000
    assert counts["warnings"] + text.count("**Warning: ") == 200
    assert "3000 to add" in text


def test_thousands_of_equal_changes_are_one_line():
    plan = plan_of(a_profile(a_policy()), an_observation(a_gpu(metrics={"gpu_temp_celsius": 90.0})))
    (change,) = plan.changes
    equal = tuple(replace(change, address=f"{change.address}-{number}") for number in range(3000))
    text = markdown(replace(plan, changes=equal))
    assert "700 W | 650 W" in text
    assert "and 2,936 more" in text
    assert "Left out" not in text


def test_the_most_important_comes_first(thousands):
    text = markdown(thousands)
    places = [text.index(part) for part in ("3000 to add", "### Changes", "<summary>200 warnings", "Left out")]
    assert places == sorted(places)


def test_a_cut_text_is_still_whole_markdown(thousands):
    text = markdown(thousands)
    assert text.count("<details>") == text.count("</details>")
    assert rendered(text).seen <= OURS


@example(200, "<" * 5000)
@given(st.integers(0, 40), st.text(max_size=5000))
def test_it_is_never_too_long(count, name):
    plan = plan_of(a_profile(), an_observation(a_gpu()))
    assert len(markdown(replace(plan, notes=(name,) * count), source=name)) <= LONGEST
