"""Text for a terminal: what an input holds is shown, never obeyed."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esnode.diagnostics import Range, warning
from esnode.errors import EsnodeError
from esnode.records import replace
from esnode.views.plan_text import changes_text, plan_text
from esnode.views.printable import one_line, plain_text, printable
from esnode.views.scan import scan_text
from esnode.views.source import columns, source_lines
from esnode.views.text import Paint, diagnostic_box, error_box, write
from tests.builders import a_gpu, a_policy, a_profile, an_observation, plan_of
from tests.unit.views.plans import NASTY, a_full_plan, a_nasty_plan

STYLE = re.compile(r"\x1b\[[0-9;]*m")


def is_harmless(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)


@pytest.mark.parametrize("show", [plan_text, changes_text, scan_text])
def test_no_control_character_of_a_plan_reaches_the_terminal(show):
    text = show(a_nasty_plan(), Paint())
    assert is_harmless(text)
    assert text.count("\n") == show(a_full_plan(), Paint()).count("\n"), "no line is forged"


def test_the_only_control_characters_are_our_own_styles():
    text = plan_text(a_nasty_plan(), Paint(enabled=True))
    assert is_harmless(STYLE.sub("", text))
    ours = plan_text(a_full_plan(), Paint(enabled=True))
    assert STYLE.findall(text) == STYLE.findall(ours)


def test_boxes_show_control_characters_by_their_number():
    for diagnostic in a_nasty_plan().diagnostics:
        assert is_harmless(diagnostic_box(diagnostic, Paint()))
    box = error_box(EsnodeError(NASTY, detail=NASTY, next_step=NASTY), Paint())
    assert is_harmless(box)
    assert all(line.startswith(("╷", "│", "╵")) for line in box.splitlines())


@given(st.text())
def test_plain_text_is_printable_and_one_line_is_one(text):
    assert is_harmless(plain_text(text))
    assert one_line(text).isprintable()


@given(st.text(max_size=30))
@example("\x1b[8mhidden\x1b[0m")
@example("\x1b[31;1mred\x1b[0m")
def test_write_is_the_last_net(text):
    out = io.StringIO()
    write(text, out)
    rest = re.sub(r"\x1b\[(?:0|1|2|31|32|33|36)(?:;(?:0|1|2|31|32|33|36))*m", "", out.getvalue())
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", rest)


def test_half_a_character_can_be_written():
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    write("file \udcff", out)
    out.seek(0)
    assert out.read() == "file \\udcff\n"


def test_a_printable_value_is_left_as_it_is():
    plan = replace(a_full_plan(), diagnostics=())
    assert printable(plan) == plan


@given(st.lists(st.text() | st.sampled_from(("\\", '"', '\\"', "\\n", "\\\n", "\x7f", "\u202e", "é"))))
def test_a_value_is_printable_when_all_of_its_texts_are(texts):
    value = [{text: (text, None, 1.5)} for text in texts]
    assert printable(value) == [{one_line(text): (one_line(text), None, 1.5)} for text in texts]


def place(source: str, column: int, end_column: int) -> Range:
    return Range(filename="a.es", line=7, column=column, end_column=end_column, source=source)


def test_the_fault_is_underlined():
    assert source_lines(place("  polcy: heat", 3, 8), 80) == ("   7:   polcy: heat", "        ", "^^^^^")


@pytest.mark.parametrize(
    ("source", "column", "end_column"),
    [
        ("\tx: [b]", 5, 8),
        ("温度: hot", 5, 8),
        ("\x1b[31mname: hot", 12, 15),
        ("x" * 500 + "hot" + "y" * 500, 501, 504),
        ("é" * 40 + "hot", 41, 44),
    ],
)
def test_the_marks_are_under_the_fault_however_wide_its_line(source, column, end_column):
    shown, before, marks = source_lines(place(source, column, end_column), 80)
    assert columns(shown) <= 80
    assert is_harmless(shown)
    fault = one_line(source[column - 1 : end_column - 1])
    start = shown.index(fault)
    assert columns(shown[:start]) == columns(before)
    assert len(marks) == columns(fault)


@given(st.text(alphabet=st.characters(exclude_characters="\n"), max_size=300), st.integers(1, 310), st.integers(0, 300))
def test_a_source_line_never_gets_too_wide(source, column, length):
    shown, before, marks = source_lines(place(source, column, column + length), 80)
    assert columns(shown) <= 80
    assert len(marks) >= 1
    assert columns(before) <= 80


def test_a_warning_with_its_place():
    said = warning("Unknown word", "Did you mean policies?", range=place("polices: []", 1, 8))
    assert diagnostic_box(said, Paint()).splitlines() == [
        "╷",
        "│ Warning: Unknown word",
        "│",
        "│   on a.es line 7, column 1:",
        "│      7: polices: []",
        "│         ^^^^^^^",
        "│",
        "│ Did you mean policies?",
        "╵",
    ]


def test_a_plan_of_a_thousand_gpus_is_read_in_a_few_screens():
    gpus = [replace(a_gpu(), identity=replace(a_gpu().identity, uuid=f"GPU-{n}", index=n)) for n in range(1000)]
    warm = [replace(gpu, metrics={**gpu.metrics, "gpu_temp_celsius": 60.0 + gpu.identity.index % 9}) for gpu in gpus]
    hot = [replace(gpu, metrics={**gpu.metrics, "gpu_temp_celsius": 84.0}) for gpu in warm[::3]]
    observation = an_observation(
        *(hot[gpu.identity.index // 3] if gpu.identity.index % 3 == 0 else gpu for gpu in warm)
    )
    text = plan_text(plan_of(a_profile(a_policy()), observation), Paint())
    lines = text.splitlines()
    assert len(lines) < 160
    assert max(map(len, lines)) < 500
    assert "And 936 more GPUs: -json and the saved plan show all." in lines
    assert "  #   and 270 more: -json and the saved plan name all" in lines
    assert "GPU-69 and 310 more" in text
    assert lines[-1] == "Plan: 0 to add, 334 to change, 0 to destroy."
