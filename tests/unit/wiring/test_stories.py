"""The tester tested: stories told to profiles, and every kind of expectation both met and not met."""

import socket
import time

import pytest

from esnode.storage.stories.read import parse_test
from esnode.units import format_moment
from esnode.views.stories import failure_text
from esnode.views.text import Paint
from esnode.wiring.stories import run_stories, tell
from tests.places import CAPTURES, EXAMPLES

HEAD = "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: lab, version: '1'}\n"
PROFILE = (
    HEAD
    + """\
policies:
  - name: cool
    target: gpu_temp_celsius
    condition: "> 80"
    duration: 1m
    action: {type: throttle_power, parameters: {step_watts: 50, min_watts: 300}}
  - name: tell
    target: "prometheus:queue"
    condition: "> 10"
    action: {type: alert, channel: oncall}
  - name: slow
    target: tokens_per_watt
    condition: "< 1"
    action: {type: alert, channel: oncall}
"""
)
CAPPED = HEAD + "settings: {power_limit_watts: 500}\npolicies: []\n"

HOT = """\
    readings:
      - {at: 0s, gpu_temp_celsius: 70}
      - {at: 1m, gpu: 0, gpu_temp_celsius: 90}
    lasts: 5m
"""


def the_test(tmp_path, told, *expectations, profile=PROFILE):
    (tmp_path / "lab.es").write_text(profile)
    has_machine = any(f"    {key}:" in told for key in ("board", "world", "capture"))
    text = (
        "apiVersion: v1\nkind: ProfileTest\nprofiles: lab.es\nstories:\n  - name: a story\n"
        + ("" if has_machine else "    board: H100-SXM\n")
        + f"{told}    expect:\n"
        + "".join(f"      - {{{expectation}}}\n" for expectation in expectations)
    )
    return parse_test(text.encode(), str(tmp_path / "lab.test.yaml"))


def result_of(tmp_path, told, *expectations, profile=PROFILE):
    test = the_test(tmp_path, told, *expectations, profile=profile)
    (result,) = run_stories(test, test.stories)
    return result


def outcomes(tmp_path, told, *expectations, profile=PROFILE):
    result = result_of(tmp_path, told, *expectations, profile=profile)
    assert not result.error, result.error
    return result.outcomes


def holds(tmp_path, told, *expectations, profile=PROFILE):
    """Whether each expectation is met."""
    return [outcome.passed for outcome in outcomes(tmp_path, told, *expectations, profile=profile)]


PAIRS = [
    ("at: 2m, policy: cool, status: ACTIVE", "at: 1m55s, policy: cool, status: ACTIVE", "PENDING on GPU-0"),
    ("at: 2m, policy: cool, status: [PENDING, ACTIVE]", "at: 2m, policy: cool, status: SKIPPED", "ACTIVE"),
    ("at: 2m4s, policy: cool, status: ACTIVE", "at: 59s, policy: cool, status: PENDING", "SKIPPED on GPU-0"),
    ("from: 1m, to: 1m55s, policy: cool, status: PENDING", "from: 1m, policy: cool, status: PENDING", "ACTIVE"),
    ("at: 1m, policy: cool, status: PENDING, reason: 90C", "at: 1m, policy: cool, status: PENDING, reason: 9C", ""),
    ("to: 1m55s, policy: cool, never: ACTIVE", "policy: cool, never: ACTIVE", "ACTIVE on GPU-0"),
    ("from: 56s, to: 58s, policy: cool, never: ACTIVE", "from: 2m1s, to: 2m2s, policy: cool, never: ACTIVE", "ACTIVE"),
    ("policy: cool, ever: ACTIVE", "policy: cool, ever: RELEASING", "only SKIPPED, PENDING, ACTIVE"),
    ("policy: tell, never: ACTIVE", "policy: cool, never: PENDING", "PENDING on GPU-0"),
    (
        "change: power_limit_watts, at: 2m, before: 700, after: 650, policy: cool",
        "change: power_limit_watts, at: 2m, before: 700, after: 600",
        "GPU-0 power limit 700 W -> 650 W at 2m",
    ),
    ("change: power_limit_watts, from: 2m, to: 3m", "change: power_limit_watts, to: 1m55s", "no such change"),
    ("change: power_limit_watts, action: update", "change: power_limit_watts, action: create", "700 W -> 650 W"),
    ("change: power_limit_watts, policy: cool", "change: power_limit_watts, policy: tell", "no such change"),
    ("change: power_limit_watts, gpu: 0", "change: graphics_clock_mhz, gpu: 0", "no such change"),
    ("settings: {power_limit_watts: 500}", "settings: {power_limit_watts: 700}", "power limit 500 W on GPU-0"),
    ("at: 1m55s, settings: {power_limit_watts: 700}", "at: 2m, settings: {power_limit_watts: 700}", "650 W"),
    ("settings: {graphics_clock_mhz: unlocked}", "settings: {graphics_clock_mhz: 345}", "unlocked on GPU-0"),
    ("changes: 4", "changes: none", "4 changes, one too many: GPU-0 power limit 700 W -> 650 W"),
    ("to: 1m55s, changes: none", "changes: {at_least: 5}", "4 changes"),
    ("changes: {at_least: 1, at_most: 4}", "changes: {at_most: 3}", "one too many: GPU-0 power limit 550 W -> 5"),
    ("setting: graphics_clock_mhz, changes: none", "setting: power_limit_watts, changes: none", "4 changes"),
    ("policy: tell, changes: none", "policy: cool, changes: none", "4 changes"),
    ("writes: {at_most: 4}", "writes: {at_most: 3}", "4 writes"),
    ("failures: none", "failures: 1", "0 failures"),
]


def test_each_expectation_is_met_or_not(tmp_path):
    both = [expectation for met, not_met, _ in PAIRS for expectation in (met, not_met)]
    judged = outcomes(tmp_path, HOT, *both)
    assert [outcome.passed for outcome in judged] == [True, False] * len(PAIRS)
    for outcome, (_, not_met, saw) in zip(judged[1::2], PAIRS, strict=True):
        assert saw in outcome.saw, not_met
        assert outcome.expected


def test_without_gpu_each_one_must_do(tmp_path):
    judged = outcomes(
        tmp_path,
        HOT + "    count: 2\n",
        "at: 2m, gpu: 0, policy: cool, status: ACTIVE",
        "at: 2m, policy: cool, status: ACTIVE",
        "gpu: 1, settings: {power_limit_watts: 700}",
        "gpu: [0, 1], settings: {power_limit_watts: 700}",
        "gpu: 1, changes: none",
    )
    assert [outcome.passed for outcome in judged] == [True, False, True, False, True]
    assert judged[1].saw == "SKIPPED on GPU-1"


def test_a_failure_tells_what_was_around_it(tmp_path):
    result = result_of(tmp_path, HOT, "at: 1m30s, policy: cool, status: ACTIVE")
    text = "\n".join(failure_text("lab.test.yaml", result, Paint()))
    assert "lab.test.yaml:12: expected lab/cool on every GPU is ACTIVE at 1m30s" in text
    assert "  saw:     PENDING on GPU-0 at 1m30s" in text
    assert "  reason:  Current Temp (90C) > Limit (80C): true for 30s of 1m; sample at least every 1m30s." in text
    rows = text.partition("around:\n")[2].splitlines()
    assert rows[0].split()[:4] == ["0s", "to", "55s", "SKIPPED"]
    assert rows[1].split()[:5] == [">", "1m", "to", "1m55s", "PENDING"]
    assert "* GPU-0 power limit 700 W -> 650 W" in text


# -- what is told --------------------------------------------------------------------------------


def test_what_nobody_tells_is_missing_and_changes_nothing(tmp_path):
    reason = "at: 5m, policy: cool, status: UNKNOWN, reason: the story does not tell it"
    assert holds(tmp_path, "    lasts: 5m\n", reason, "changes: none") == [True, True]


def test_with_a_workload_physics_tells_the_rest(tmp_path):
    told = "    ambient_celsius: 45\n    workload: {utilization: 99, memory: 80}\n    lasts: 4m\n    readings:\n"
    told += "      - {at: 0s, gpu_temp_celsius: 60}\n      - {at: 2m, gpu_temp_celsius: auto}\n"
    status = "policy: cool, status"
    assert holds(tmp_path, told, f"at: 1m55s, {status}: SKIPPED", f"at: 2m, {status}: PENDING") == [True, True]


def test_a_ramp_goes_up_in_a_straight_line_and_stays(tmp_path):
    told = "    lasts: 4m\n    readings: [{at: 1m, gpu_temp_celsius: {from: 70, to: 90, over: 100s}}]\n"
    seen = {"55s": "UNKNOWN", "1m": "SKIPPED", "1m50s": "MONITORING", "1m55s": "PENDING", "4m": "ACTIVE"}
    statuses = [f"at: {at}, policy: cool, status: {status}" for at, status in seen.items()]
    assert holds(tmp_path, told, *statuses) == [True] * 5


def test_metrics_that_no_driver_knows_are_told_as_well(tmp_path):
    told = "    lasts: 2m\n    readings:\n      - {at: 0s, tokens_per_watt: 2, prometheus: {queue: 3}}\n"
    told += "      - {at: 1m, prometheus: {queue: 30}}\n"
    skipped, sent = "at: 0s, policy: slow, status: SKIPPED", "change: alert, at: 1m, action: create, policy: tell"
    assert holds(tmp_path, told, skipped, sent, "writes: none") == [True] * 3


def test_another_hand_and_a_lost_gpu(tmp_path):
    told = "    count: 2\n    readings:\n      - {at: 1m, set: {power_limit_watts: 650}}\n"
    told += "      - {at: 2m, gpu: 1, set: {fault: gpu_lost}}\n"
    put_back = "change: power_limit_watts, at: 1m, before: 650, after: 500"
    assert holds(tmp_path, told, put_back, "changes: 4", profile=CAPPED) == [True, True]


def test_a_change_that_fails_fails_its_story_unless_it_is_expected(tmp_path):
    fault = "      - {at: 1m30s, set: {fault: 'no_permission:nvmlDeviceSetPowerManagementLimit'}}\n"
    told = HOT.replace("    lasts", f"{fault}    lasts")
    judged = outcomes(tmp_path, told, "policy: cool, ever: ACTIVE")
    assert [outcome.passed for outcome in judged] == [True, False]
    assert judged[1].expected == "no failures"
    assert "was not set to 650 W" in judged[1].saw
    counts = ("failures: {at_least: 1}", "changes: none", "writes: {at_least: 1}")
    assert holds(tmp_path, told, *counts) == [True] * 3


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("    readings: [{at: 0s, set: {fault: hang}}]\n", "nobody to wait for it"),
        ("    readings:\n      - {at: 0s, set: {power_limit_watts: 9000}}\n", "lab.test.yaml:8: "),
        ("    workload: [{at: 5m, utilization: 4}, {at: 1m}]\n", "lab.test.yaml:7: a step must begin later"),
        (
            f"    world: {EXAMPLES}/machines/mixed.yaml\n    readings: [{{at: 0s, gpu: 4, gpu_utilization: 1}}]\n",
            "no GPU 4",
        ),
        (f"    world: {EXAMPLES}/node.yaml\n", "a simulated machine has no"),
        (f"    capture: {EXAMPLES}/node.yaml\n", "node.yaml"),
    ],
)
def test_what_cannot_be_told_says_why(tmp_path, told, said):
    assert said in result_of(tmp_path, f"{told}    lasts: 1m\n", "changes: none").error


# -- recordings ----------------------------------------------------------------------------------


def test_a_recording_is_played_and_readings_win_over_it(tmp_path):
    rows = [f"{15 * number}s,0,{70 if number < 4 else 90}" for number in range(20)]
    (tmp_path / "t.csv").write_text("\n".join(["time,gpu,gpu_temp_celsius", *rows]))
    lowered = "change: power_limit_watts, at: 2m, before: 700, after: 650"
    untold = "from: 0s, to: 4m45s, policy: tell, status: UNKNOWN"
    assert holds(tmp_path, "    trace: t.csv\n", lowered, untold) == [True, True]
    instead = "    trace: t.csv\n    interval: 15s\n    readings: [{at: 0s, gpu_temp_celsius: 60}]\n"
    assert holds(tmp_path, instead, "changes: none") == [True]


def test_a_sample_that_is_too_old_is_missing(tmp_path):
    (tmp_path / "t.csv").write_text("time,gpu_temp_celsius\n0s,90\n")
    told = "    trace: {files: t.csv, stale_after: 1m}\n    lasts: 2m\n"
    old = "at: 1m5s, policy: cool, status: UNKNOWN, reason: 1m5s old"
    assert holds(tmp_path, told, "at: 1m, policy: cool, status: ACTIVE", old) == [True, True]


def test_a_recorded_clock_is_kept_inside_a_lock(tmp_path):
    locking = PROFILE.replace("gpu_temp_celsius", "gpu_utilization").replace('"> 80"', '"< 5"')
    locking = locking.replace(
        "throttle_power, parameters: {step_watts: 50, min_watts: 300}", "lock_clock, parameters: {frequency_mhz: 900}"
    )
    (tmp_path / "t.csv").write_text("time,gpu_utilization,gpu_sm_clock_mhz\n0s,0,1980\n3m,0,1980\n")
    assert holds(tmp_path, "    trace: t.csv\n", "changes: 1", profile=locking) == [True]


@pytest.mark.lane("captures")
def test_a_capture_tells_how_everything_was(tmp_path):
    told = f"    capture: {CAPTURES / 'qx-h100.xml'}\n    lasts: 90s\n    interval: 15s\n"
    told += "    readings: [{at: 15s, gpu_temp_celsius: 95}]\n"
    known = "at: 0s, policy: cool, status: [SKIPPED, MONITORING, PENDING]"
    assert holds(tmp_path, told, known, "gpu: 0, changes: {at_least: 1}") == [True, True]


# -- nothing outside -----------------------------------------------------------------------------


def test_nothing_outside_takes_part(tmp_path, monkeypatch):
    """No file is written, no socket opened, and what the environment says is not heard."""
    monkeypatch.setenv("ESNODE_TAGS", "zone=a")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("a socket was opened"))
    monkeypatch.chdir(tmp_path)
    url = "http://127.0.0.1:9"
    node = f"prometheus: '{url}'\nserving: [{{url: '{url}/metrics'}}]\nchannels: {{oncall: {{webhook: '{url}/'}}}}\n"
    (tmp_path / "node.yaml").write_text(node)
    selecting = PROFILE.replace("policies:", "selectors: {matchTags: {zone: a}}\npolicies:")
    not_here = "at: 0s, policy: cool, status: NOT_SELECTED"
    assert holds(tmp_path, "    lasts: 1m\n", not_here, profile=selecting) == [True]
    told = "    node: node.yaml\n    lasts: 1m\n    readings: [{at: 0s, prometheus: {queue: 99}}]\n"
    sent, unknown = "change: alert, action: create, policy: tell", "from: 0s, to: 1m, policy: slow, status: UNKNOWN"
    assert holds(tmp_path, told, sent, unknown) == [True, True]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lab.es", "node.yaml"]


def test_the_same_story_is_told_in_the_same_way_twice(tmp_path):
    test = the_test(tmp_path, HOT, "changes: 4")
    assert tell(test.stories[0], test.profiles) == tell(test.stories[0], test.profiles)


def test_hundreds_of_looks_a_second(tmp_path):
    """On one board about four hundred on one idle core; a tenth of it is demanded of a crowded machine."""
    test = the_test(tmp_path, HOT.replace("5m", "15m"), "changes: 8")
    began = time.process_time()
    (result,) = run_stories(test, test.stories)
    assert result.looks / (time.process_time() - began) > 40


@pytest.mark.parametrize("path", sorted((EXAMPLES / "profiles").iterdir()), ids=lambda path: path.name)
def test_every_example_has_a_test(path):
    assert (EXAMPLES / "tests" / f"{path.stem}.test.yaml").exists()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (2.5, "2.5s"), (60, "1m"), (310, "5m10s"), (3600, "1h"), (3605, "1h0m5s"), (7260, "2h1m")],
)
def test_moments_are_told_to_the_last_part(seconds, text):
    assert format_moment(seconds) == text
