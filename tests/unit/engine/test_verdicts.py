"""How one policy stands over time."""

import pytest

from esnode.engine.criterion import criterion_of
from esnode.model.profile import LockClock
from esnode.model.readings import UNSUPPORTED
from esnode.model.verdict import Status
from tests.builders import a_gpu, a_policy, a_profile, an_observation, plan_of, replay

S = Status


def statuses(verdicts):
    return [verdict.status for verdict in verdicts]


@pytest.mark.parametrize(
    ("condition", "value", "status"),
    [
        ("> 82", 60, S.SKIPPED),
        ("> 82", 78, S.MONITORING),
        ("> 82", 82, S.MONITORING),
        ("> 82", 82.5, S.ACTIVE),
        (">= 82", 82, S.ACTIVE),
        ("< 82", 85, S.MONITORING),
        ("< 82", 95, S.SKIPPED),
        ("<= 82", 82, S.ACTIVE),
        ("= 82", 82, S.ACTIVE),
        ("== 82", 81, S.SKIPPED),
        ("!= 82", 82, S.SKIPPED),
        ("!= 82", 81, S.ACTIVE),
        ("> 0", 0, S.SKIPPED),
    ],
)
def test_every_operator_has_its_verdict(condition, value, status):
    assert statuses(replay(a_policy(condition=condition), [(0, value)])) == [status]


def test_a_missing_metric_is_unknown_and_never_compared():
    policy = a_policy(target="gpu_utilization", condition="< 5%", action=LockClock(frequency_mhz=210))
    verdict = replay(policy, [(0, UNSUPPORTED)])[0]
    assert verdict.status is S.UNKNOWN
    assert "gpu_utilization is missing: not supported" in verdict.reason


def test_a_spike_shorter_than_the_duration_never_acts():
    policy = a_policy(condition="> 82", duration="5s")
    verdicts = replay(policy, [(0, 90), (4, 90), (5, 70), (6, 90), (10, 90)])
    assert statuses(verdicts) == [S.PENDING, S.PENDING, S.SKIPPED, S.PENDING, S.PENDING]


def test_a_condition_true_for_its_duration_over_separate_runs_becomes_active():
    policy = a_policy(condition="> 82", duration="5m")
    verdicts = replay(policy, [(0, 90), (192, 90), (300, 90)])
    assert statuses(verdicts) == [S.PENDING, S.PENDING, S.ACTIVE]
    assert "true for 3m12s of 5m" in verdicts[1].reason


def test_a_gap_in_the_watching_restarts_the_clock_of_an_action():
    policy = a_policy(condition="> 82", duration="1m")
    assert statuses(replay(policy, [(0, 90), (91, 90), (151, 90)])) == [S.PENDING, S.PENDING, S.ACTIVE]
    assert statuses(replay(policy, [(0, 90), (90, 90)])) == [S.PENDING, S.ACTIVE]


def test_an_unknown_counts_as_a_gap():
    policy = a_policy(condition="> 82", duration="1m")
    verdicts = replay(policy, [(0, 90), (30, UNSUPPORTED), (60, 90), (120, 90)])
    assert statuses(verdicts) == [S.PENDING, S.UNKNOWN, S.PENDING, S.ACTIVE]


def test_the_reasons_read_as_in_the_specification():
    warm = replay(a_policy(condition="> 82"), [(0, 78)])[0]
    busy = replay(a_policy(target="gpu_utilization", condition="< 5%"), [(0, 99)])[0]
    assert warm.reason == "Current Temp (78C) is approaching Limit (82C)."
    assert busy.reason == "Current Util (99%) > Threshold (5%)."


def test_a_pending_lock_says_already_which_clock_it_would_be():
    policy = a_policy(target="gpu_utilization", condition="< 5%", duration="5m", action=LockClock(frequency_mhz=210))
    plan = plan_of(a_profile(policy), an_observation(a_gpu(metrics={"gpu_utilization": 0.0})))
    effect = plan.verdicts[0].effect
    assert effect is not None
    assert (effect.asked, str(effect.after)) == (210, "345")
    assert not plan.changes


def test_an_edited_condition_starts_a_new_clock():
    before, after = a_policy(condition="> 82"), a_policy(condition="> 83")
    keys = {criterion_of(a_profile(policy), policy).clock_key("GPU-0") for policy in (before, after)}
    assert len(keys) == 2
