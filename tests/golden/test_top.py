"""The frames of `esnode top`, cell for cell, and what is true of each of them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esnode.records import replace
from esnode.views.spans import cells, text_of, width_of
from esnode.views.top import Window, frame, help_page
from esnode.views.top_gpus import Order
from tests.golden.scenes import NOW, SCENES
from tests.golden.test_golden import agree
from tests.places import GOLDEN, PROJECT

SIZES = [(60, 24), (80, 24), (120, 40), (200, 50)]
MADE = {name: make() for name, make in SCENES.items()}


def shown(status, width, height, **members):
    return [text_of(line) for line in frame(status, Window(width=width, height=height, **members), NOW)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
@pytest.mark.parametrize("name", ["busy", "troubled"])
def test_the_frame(name, size, request):
    lines = [text.rstrip() for text in shown(MADE[name], *size)]
    agree(f"top_{name}_{size[0]}.txt", "\n".join(lines) + "\n", request)


@pytest.mark.parametrize("name", ["alone", "many", "begun"])
def test_the_frame_of_other_machines(name, request):
    agree(f"top_{name}_80.txt", "\n".join(text.rstrip() for text in shown(MADE[name], 80, 24)) + "\n", request)


@pytest.mark.parametrize("name", SCENES)
@given(width=st.integers(1, 220), height=st.integers(1, 80), offset=st.integers(0, 100))
def test_a_frame_fills_the_terminal_and_never_more(name, width, height, offset):
    lines = shown(MADE[name], width, height, offset=offset)
    assert len(lines) == height
    assert max(map(cells, lines)) <= width


@given(st.text(max_size=40), st.sampled_from([40, 80, 130]))
def test_names_never_reach_the_terminal_as_control_characters(text, width):
    status = MADE["troubled"]
    assert status.plan
    gpus = tuple(replace(gpu, identity=replace(gpu.identity, model=text, name=text)) for gpu in status.plan.gpus)
    verdicts = tuple(replace(one, policy=text, reason=text) for one in status.plan.verdicts)
    changes = tuple(replace(one, user=text, note=text, policy=text) for one in status.recent)
    plan = replace(status.plan, gpus=gpus, verdicts=verdicts)
    named = replace(status, host=text, user=text, failure=text, plan=plan, recent=changes)
    for line in frame(named, Window(width=width, height=30, remark=text), NOW):
        assert text_of(line).isprintable()
        assert width_of(line) <= width


def test_the_hottest_and_the_hungriest_come_first():
    def first(order):
        return next(line for line in shown(MADE["busy"], 80, 24, order=order) if "H100" in line and "/" in line)

    assert first(Order.TEMP).split()[:3] == ["4", "H100", "85C"]
    assert first(Order.POWER).split()[0] == "0"


def test_on_a_short_terminal_gpus_come_before_changes():
    text = "\n".join(shown(MADE["busy"], 80, 9))
    assert "OF LIMIT" in text
    assert "1-5 of 8" in text
    assert "RESULT" not in text


def test_scrolling_shows_the_last_gpu():
    rows = shown(MADE["many"], 80, 24, offset=1000)
    assert any(row.startswith(" 71 ") for row in rows)
    assert any(" of 72" in row for row in rows)


def test_data_that_is_older_than_it_may_be_is_stale():
    late = frame(MADE["busy"], Window(width=80, height=24), NOW + timedelta(minutes=2))
    assert any(text_of(line) == "STALE: nothing new for 2m2s" for line in late)
    assert not any("STALE" in line for line in shown(MADE["busy"], 80, 24))


def test_without_a_terminal_everything_is_shown_and_no_keys():
    text = "\n".join(text_of(line) for line in frame(MADE["many"], Window(width=80), NOW))
    assert text.count("H100") >= 72
    assert "quit" not in text


def test_the_help_fits_a_small_terminal():
    lines = help_page(Window(width=80, height=24))
    assert len(lines) == 24
    assert max(map(width_of, lines)) <= 80
    assert any("SKIPPED" in text_of(line) for line in lines)


def test_the_picture_in_the_documents_is_a_real_frame():
    picture = (GOLDEN / "expected" / "top_busy_80.txt").read_text()
    assert f"```\n{picture}```" in (PROJECT / "docs" / "top.md").read_text()
