"""What an alert says to people, and that a template can say nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esnode.errors import BadValue
from esnode.model.alerts import Occasion
from esnode.model.messages import FIELDS, LONGEST_TEMPLATE, check_template, render, text_of, title_of
from tests.builders import START, a_notification

RESOLVED = {"occasion": Occasion.RESOLVED, "ended_at": START + timedelta(minutes=12), "value": "71C"}


@pytest.mark.parametrize(
    ("members", "title"),
    [
        ({}, "[critical] node-01 GPU-3 (H100): thermal-safety: gpu_temp_celsius 91C > 82"),
        (
            {"occasion": Occasion.REMINDER, "sent_at": START + timedelta(hours=4)},
            "[critical, for 4h] node-01 GPU-3 (H100): thermal-safety: gpu_temp_celsius 91C > 82",
        ),
        (RESOLVED, "[resolved] node-01 GPU-3 (H100): thermal-safety: gpu_temp_celsius 71C, was > 82"),
        (
            RESOLVED | {"value": ""},
            "[resolved] node-01 GPU-3 (H100): thermal-safety: gpu_temp_celsius was > 82",
        ),
        (
            {"is_simulated": True},
            "SIMULATED [critical] node-01 GPU-3 (H100): thermal-safety: gpu_temp_celsius 91C > 82",
        ),
    ],
)
def test_the_title_says_how_bad_where_and_what(members, title):
    assert title_of(a_notification(**members)) == title


def test_the_text_says_why_since_when_and_by_which_policy():
    assert text_of(a_notification(**RESOLVED)).splitlines() == [
        "91C is over 82 for 5m.",
        "GPU-3 is NVIDIA H100 80GB HBM3, GPU-00000003-0000-0000-0000-000000000000",
        "since 2026-01-01T12:00:00Z, ended 2026-01-01T12:12:00Z (12m)",
        "profile train, policy thermal-safety, plan dddddddddddd",
    ]


def test_a_template_is_filled_in():
    text = text_of(a_notification(), "{{{gpu}}} on {host} ({gpu_model}): {target} {value}, limit {condition}")
    assert text == "{GPU-3} on node-01 (H100): gpu_temp_celsius 91C, limit > 82"


def test_every_field_can_be_used():
    template = " ".join(f"{{{name}}}" for name in FIELDS)
    check_template(template)
    assert "{" not in render(template, a_notification())


def test_a_simulated_machine_is_said_whatever_the_template():
    assert text_of(a_notification(is_simulated=True), "{gpu}") == "SIMULATED: GPU-3"


def test_what_a_value_holds_is_not_filled_in_again():
    assert render("{reason}", a_notification(reason="{key} {{")) == "{key} {{"


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{gpus}", '"{gpus}"'),
        ("{gpu.__class__}", '"{gpu.__class__}"'),
        ("{gpu[0]}", '"{gpu[0]}"'),
        ("{gpu!r}", '"{gpu!r}"'),
        ("{gpu:>99999999}", '"{gpu:>99999999}"'),
        ("{}", '"{}"'),
        ("{0}", '"{0}"'),
        ("{ gpu }", '"{ gpu }"'),
        ("{{gpu}", '"}"'),
        ("hot {gpu", '"{"'),
        ("hot gpu}", '"}"'),
        ("{gpu\n}", '"{gpu\n}"'),
        ("{{{gpu}", None),
    ],
)
def test_anything_else_in_braces_is_refused(template, named):
    if named is None:
        check_template(template)
        return
    with pytest.raises(BadValue) as refused:
        check_template(template)
    assert named in refused.value.summary
    assert "{gpu_uuid}" in refused.value.next_step


def test_a_near_name_is_suggested():
    with pytest.raises(BadValue) as refused:
        check_template("{gpu_uid}")
    assert refused.value.next_step.startswith("Did you mean {gpu_uuid}?")


def test_a_template_has_a_longest_length():
    check_template("x" * LONGEST_TEMPLATE)
    with pytest.raises(BadValue, match="4,001 characters"):
        check_template("x" * (LONGEST_TEMPLATE + 1))


@given(st.text(alphabet="{}gpu_:!.[0 ", max_size=30))
def test_a_template_that_passes_can_be_filled_in(template):
    try:
        check_template(template)
    except BadValue:
        return
    render(template, a_notification())
