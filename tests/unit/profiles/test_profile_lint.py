"""Warnings about profiles that are valid."""

from __future__ import annotations

import pytest

from esnode.storage.profiles.lint import lint_profile
from esnode.storage.profiles.parse import parse_profiles
from tests.unit.profiles.profile_texts import VALID, broken

ACTION = VALID[VALID.index("    action:\n") : VALID.index("    severity")]


def warnings(text: str) -> list[tuple[int, str]]:
    (profile,) = parse_profiles(text.encode(), "lab.es")
    return [(each.range.line if each.range else 0, each.summary) for each in lint_profile(profile)]


def test_a_sound_profile_has_no_warnings() -> None:
    assert warnings(VALID) == []


def test_killing_without_a_duration_is_a_warning() -> None:
    text = VALID.replace(ACTION, "    action: {type: kill_process}\n").replace("    duration: 5m\n", "")
    assert warnings(text) == [(10, 'policy "cool": kill_process without a duration acts on a single reading')]


@pytest.mark.parametrize(("release", "is_warned"), [("< 80", False), ("<= 82", False), ("< 83", True), ("> 90", True)])
def test_a_release_that_overlaps_the_condition_is_a_warning(release: str, is_warned: bool) -> None:
    found = warnings(VALID + f'    release: {{condition: "{release}"}}\n')
    assert bool(found) is is_warned


def test_a_condition_that_is_never_true_is_a_warning() -> None:
    text = broken("gpu_temp_celsius", "gpu_utilization").replace("82", "100%")
    assert warnings(text) == [(9, 'policy "cool": the condition "> 100%" is never true')]


def test_a_floor_that_leaves_nothing_to_throttle_is_a_warning() -> None:
    text = broken("policies:", "settings: {power_limit_watts: 250}\npolicies:")
    assert warnings(text) == [(16, 'policy "cool": min_watts is not below power_limit_watts (250 W)')]


def test_milliwatts_are_a_warning() -> None:
    assert warnings(broken("300", "300000")) == [(15, 'policy "cool": min_watts is more than any board draws')]


def test_a_misspelled_tag_is_a_warning() -> None:
    text = broken("policies:", "selectors: {matchTags: {gpu_modle: H100, cluster_zone: a}}\npolicies:")
    assert warnings(text) == [(6, 'esnode does not discover a tag "gpu_modle"')]


def test_a_profile_that_does_nothing_is_a_warning() -> None:
    text = VALID[: VALID.index("policies:")] + "policies: []\n"
    assert warnings(text) == [(6, "the profile does nothing")]
