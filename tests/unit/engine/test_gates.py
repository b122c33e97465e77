"""Rules that a plan must keep: what each counts, and what is said when it is broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esnode.engine.gates import (
    NOTHING_MEASURED,
    WORDS,
    Rules,
    broken_rules,
    check_rules,
    measure,
    parse_deny,
    watts_moved,
)
from esnode.engine.preflight import Expectations, check_plan
from esnode.errors import BadValue, PlanDenied
from esnode.model.cluster import ClusterNode
from esnode.model.plan import Mode
from esnode.model.profile import LockClock, ThrottlePower
from esnode.records import replace
from tests.builders import a_gpu, a_policy, a_profile, an_observation, plan_of
from tests.unit.engine.machine import FakeMachine
from tests.unit.engine.neighbourhood import a_process
from tests.unit.engine.test_actions import (
    COOL,
    TEMP,
    a_machine,
    alerting,
    draining,
    heat,
    in_a_cluster,
    killing,
    with_processes,
)


def capped(watts, *gpus):
    return plan_of(a_profile(settings={"power_limit_watts": watts}), an_observation(*gpus))


def broken(plan, **rules):
    return broken_rules(measure(plan, Rules(**rules)), Rules(**rules))


def denied(plan):
    """The words that this plan breaks."""
    return {word for word in WORDS if broken(plan, deny=(word,))}


def test_a_plan_that_keeps_every_rule_breaks_none():
    assert broken(capped(600.0), deny=("delete",), max_changes=1, max_watts_delta=100.0) == ()


def test_settings_are_an_update_and_no_action():
    assert denied(capped(600.0)) == {"update"}


def test_a_throttle_is_denied_by_its_action():
    assert denied(a_machine().plan(a_profile(heat("heat", ThrottlePower(step_watts=50, min_watts=300))))) == {
        "update",
        "throttle_power",
    }


def test_a_lock_is_denied_when_it_begins_and_its_release_is_not():
    idle = a_profile(a_policy(target="gpu_utilization", condition="< 5%", action=LockClock(frequency_mhz=345)))
    machine = FakeMachine(a_gpu(metrics={"gpu_utilization": 1.0}))
    plan = machine.plan(idle)
    assert denied(plan) == {"update", "lock_clock"}
    machine.apply(plan)
    machine.pass_time(120)
    machine.set_metric("gpu_utilization", 99.0)
    assert denied(machine.plan(idle)) == {"update"}


def test_correcting_what_a_policy_holds_is_that_policys_action_again():
    profile = a_profile(heat("heat", ThrottlePower(step_watts=50, min_watts=300)))
    machine = a_machine()
    machine.plan_and_apply(profile)
    machine.set_setting("power_limit_watts", 700.0)
    machine.pass_time(1)
    plan = machine.plan(profile)
    assert plan.drift
    assert "throttle_power" in denied(plan)


def test_accepting_drift_is_an_update_and_moves_no_power():
    machine = FakeMachine()
    machine.plan_and_apply(a_profile(settings={"power_limit_watts": 600.0}))
    machine.set_setting("power_limit_watts", 680.0)
    plan = machine.plan([], mode=Mode.REFRESH_ONLY)
    assert denied(plan) == {"update"}
    assert broken(plan, max_watts_delta=0.0) == ()


def test_an_alert_is_denied_when_it_is_sent_and_its_end_is_a_delete():
    machine = a_machine()
    plan = machine.plan(alerting())
    assert denied(plan) == {"create", "alert"}
    machine.apply(plan)
    machine.set_metric(TEMP, COOL)
    machine.plan(alerting())
    machine.pass_time(120)
    assert denied(machine.plan(alerting())) == {"delete"}


def test_a_kill_is_a_delete_and_denied_by_its_action():
    machine = with_processes(a_machine(), a_process())
    assert denied(machine.plan(killing())) == {"delete", "kill_process"}


def test_a_drain_is_denied_by_its_action():
    machine = in_a_cluster(a_machine())
    assert isinstance(machine.around.cluster, ClusterNode)
    assert "migrate_pod" in denied(machine.plan(draining()))


def test_an_error_names_the_changes_the_value_and_the_limit():
    (error,) = broken(capped(600.0, *(a_gpu(index) for index in range(8))), max_changes=3)
    assert error.summary == "This plan touches 8 resources, -max-changes allows 3"
    assert 'gpu["GPU-00000000-0000-0000-0000-000000000000"] (update)' in error.detail
    assert "and 3 more" in error.detail


def test_watts_are_added_up_and_downs_alike():
    gpus = [a_gpu(0, settings={"power_limit_watts": 500.0}), a_gpu(1, settings={"power_limit_watts": 700.0})]
    plan = capped(600.0, *gpus)
    assert broken(plan, max_watts_delta=200.0) == ()
    (error,) = broken(plan, max_watts_delta=199.0)
    assert error.summary == "This plan moves power limits by 200 W in all, -max-watts-delta allows 199 W"
    assert "(500 W -> 600 W)" in error.detail


def test_a_move_that_nobody_can_measure_breaks_the_rule():
    plan = capped(600.0)
    blind = replace(plan, changes=(replace(plan.changes[0], before={"power_limit_watts": None}),))
    assert watts_moved(blind.changes[0]) is None
    (error,) = broken(blind, max_watts_delta=10_000.0)
    assert error.summary.startswith("Nobody can say how far this plan moves power limits")


def test_every_broken_rule_has_its_own_error():
    plan = capped(600.0)
    with pytest.raises(PlanDenied) as refused:
        check_rules(plan, Rules(deny=("update", "delete"), max_changes=0, max_watts_delta=10.0))
    assert len(refused.value.problems) == 3
    assert refused.value.exit_code == 3


def test_apply_keeps_the_same_rules():
    with pytest.raises(PlanDenied):
        check_plan(capped(600.0), "", Expectations(rules=Rules(deny=("update",))))


def test_rules_hold_over_several_plans_together():
    rules = Rules(max_watts_delta=150.0, max_changes=1)
    together = NOTHING_MEASURED
    for name in ("node1", "node2"):
        together += measure(capped(600.0), rules, node=name)
    errors = broken_rules(together, rules, subject="This set of plans")
    assert [error.summary for error in errors] == [
        "This set of plans touches 2 resources, -max-changes allows 1",
        "This set of plans moves power limits by 200 W in all, -max-watts-delta allows 150 W",
    ]
    assert 'node2: gpu["GPU-' in errors[1].detail


@pytest.mark.parametrize(
    ("text", "near"), [("delte", '"delete"'), ("Kill_Process", '"kill_process"'), ("migrate", '"migrate_pod"')]
)
def test_an_unknown_word_is_an_error_with_the_nearest(text, near):
    with pytest.raises(BadValue) as wrong:
        parse_deny(f"update,{text}")
    assert near in wrong.value.next_step


@given(st.text())
def test_what_is_denied_is_a_known_word_or_an_error(text):
    try:
        words = parse_deny(text)
    except BadValue:
        return
    assert words
    assert set(words) <= set(WORDS)


@given(st.lists(st.sampled_from(WORDS), min_size=1))
def test_every_word_can_be_denied(words):
    assert list(parse_deny(" , ".join(words))) == words
