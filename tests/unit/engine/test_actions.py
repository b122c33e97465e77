"""Alerts, kills and drains as resources: planned, applied, recorded, given back."""

from datetime import timedelta

import pytest

from esnode.errors import PlanNotApplyable, StalePlan
from esnode.model.alerts import Occasion
from esnode.model.cluster import ClusterNode
from esnode.model.plan import Mode, Operation, ResourceType
from esnode.model.profile import Alert, KillProcess, MigratePod, Release, Severity
from esnode.model.readings import Missing, MissingReason
from esnode.model.state import CordonedNode
from esnode.model.verdict import Status
from esnode.records import replace
from tests.builders import a_gpu, a_policy, a_profile, uuid_of
from tests.unit.engine.machine import FakeMachine
from tests.unit.engine.neighbourhood import a_pod, a_process, channels

TEMP = "gpu_temp_celsius"
HOT, COOL = 90.0, 40.0


def a_machine(*, gpus=1, temp=HOT):
    machine = FakeMachine(*(a_gpu(index) for index in range(gpus)))
    for index in range(gpus):
        machine.set_metric(TEMP, temp, index)
    return machine


def heat(name, action, **members):
    return a_policy(name, condition="> 82", action=action, **members)


def alerting(**members):
    return a_profile(heat("heat", Alert(channel="ops", **members)))


def killing(**members):
    return a_profile(heat("last-resort", KillProcess(grace_period_seconds=5), **members))


def draining(**members):
    return a_profile(heat("drain", MigratePod(node_condition="GpuOverheated"), **members))


def kinds(plan):
    return [(change.type.value, change.actions[0].value) for change in plan.changes]


def reason(plan, policy):
    return next(verdict.reason for verdict in plan.verdicts if verdict.policy == policy)


# -- alerts


def test_an_alert_is_sent_once_and_firing_is_no_change():
    machine = a_machine()
    assert machine.plan_and_apply(alerting()).is_complete
    machine.pass_time(60)
    assert not machine.plan(alerting()).has_changes
    assert machine.around.occasions() == [Occasion.FIRING]


def test_an_alert_is_resolved_once_when_it_is_released():
    machine = a_machine()
    machine.plan_and_apply(alerting())
    machine.set_metric(TEMP, COOL)
    machine.pass_time(30)
    assert not machine.plan(alerting()).has_changes
    machine.pass_time(61)
    assert machine.plan_and_apply(alerting()).is_complete
    assert not machine.plan(alerting()).has_changes
    assert machine.around.occasions() == [Occasion.FIRING, Occasion.RESOLVED]
    assert len({message.key for message in machine.around.messages}) == 1


def test_an_alert_that_was_not_delivered_is_planned_again_under_the_same_key():
    machine = a_machine()
    machine.around.is_down = True
    assert not machine.plan_and_apply(alerting()).is_complete
    assert not machine.state.managed.gpus
    machine.around.is_down = False
    machine.pass_time(10)
    assert machine.plan_and_apply(alerting()).is_complete
    assert machine.around.messages[0].since == machine.now().at - timedelta(seconds=10)


def test_a_resolve_that_was_not_delivered_stays_firing():
    machine = a_machine()
    machine.plan_and_apply(alerting())
    machine.around.is_down = True
    assert not machine.apply(machine.plan([], mode=Mode.DESTROY)).is_complete
    machine.around.is_down = False
    assert machine.apply(machine.plan([], mode=Mode.DESTROY)).is_complete
    assert machine.around.occasions() == [Occasion.FIRING, Occasion.RESOLVED]


def test_reminders_come_when_they_are_asked_for():
    machine = a_machine()
    profile = alerting(repeat_seconds=3600)
    machine.plan_and_apply(profile)
    for seconds in (60, 3600):
        machine.pass_time(seconds)
        machine.plan_and_apply(profile)
    assert machine.around.occasions() == [Occasion.FIRING, Occasion.REMINDER]


def test_another_channel_is_told_and_the_old_one_resolved():
    machine = a_machine()
    machine.around.define(channels("ops", "night"))
    machine.plan_and_apply(alerting())
    machine.plan_and_apply(a_profile(heat("heat", Alert(channel="night"))))
    told = [(message.channel, message.occasion) for message in machine.around.messages]
    assert told[1:] == [("ops", Occasion.RESOLVED), ("night", Occasion.FIRING)]


def test_an_unknown_channel_warns_when_planned_and_fails_when_due():
    machine = a_machine(temp=COOL)
    profile = a_profile(heat("heat", Alert(channel="nowhere")))
    assert any("nowhere" in item.summary for item in machine.plan(profile).diagnostics)
    machine.set_metric(TEMP, HOT)
    assert not machine.plan_and_apply(profile).is_complete


def test_an_alert_whose_policy_and_channel_are_gone_is_forgotten():
    machine = a_machine()
    machine.plan_and_apply(alerting())
    machine.around.define({})
    plan = machine.plan(a_profile())
    assert kinds(plan) == [("alert", "forget")]
    assert machine.apply(plan).is_complete
    assert not machine.state.managed.gpus


def test_an_alert_survives_a_crash_while_it_was_sent():
    machine = a_machine()
    machine.around.send = crash
    with pytest.raises(KeyboardInterrupt):
        machine.plan_and_apply(alerting())
    del machine.around.send
    machine.state = machine.saved[-1]
    assert machine.state.managed.is_in_flight
    machine.recover()
    plan = machine.plan(alerting())
    assert kinds(plan) == [("alert", "update")]
    machine.apply(plan)
    assert not machine.plan(alerting()).has_changes


def crash(*_):
    raise KeyboardInterrupt


def test_a_rollback_resolves_what_the_last_apply_sent():
    machine = a_machine()
    machine.plan_and_apply(alerting())
    machine.apply(machine.plan([], mode=Mode.ROLLBACK))
    assert machine.around.occasions() == [Occasion.FIRING, Occasion.RESOLVED]


# -- kills


def with_processes(machine, *processes, index=0):
    machine.around.processes[uuid_of(index)] = list(processes)
    return machine


def test_the_plan_names_the_process_and_apply_ends_it():
    machine = with_processes(a_machine(), a_process(1000, sm=10), a_process(2000, sm=90))
    plan = machine.plan(killing())
    assert plan.changes[0].address == f'process["2000@{uuid_of(0)}"]'
    assert plan.changes[0].before["user"] == "ada"
    assert machine.apply(plan).is_complete
    assert machine.around.ended == [2000]


def test_a_process_number_of_seven_digits_is_compared_whole():
    machine = with_processes(a_machine(), a_process(4_194_303))
    assert machine.plan_and_apply(killing()).is_complete
    assert machine.around.ended == [4_194_303]


def test_after_a_kill_the_policy_rests():
    machine = with_processes(a_machine(), a_process(1000), a_process(2000))
    machine.plan_and_apply(killing())
    machine.pass_time(59)
    plan = machine.plan(killing())
    assert (plan.changes, plan.verdicts[0].status) == ((), Status.PENDING)
    machine.pass_time(2)
    assert kinds(machine.plan(killing())) == [("process", "delete")]


def test_a_kill_that_failed_does_not_rest():
    machine = with_processes(a_machine(), a_process(1000))
    machine.around.immortal = {1000}
    assert not machine.plan_and_apply(killing()).is_complete
    machine.pass_time(5)
    assert kinds(machine.plan(killing())) == [("process", "delete")]


def test_a_recycled_number_is_refused():
    machine = with_processes(a_machine(), a_process(1000))
    plan = machine.plan(killing())
    with_processes(machine, a_process(1000, started=5.0))
    with pytest.raises(StalePlan, match="not the one that was planned"):
        machine.apply(plan)
    assert machine.around.ended == []


@pytest.mark.parametrize("left", [[], [a_process(7)]])
def test_a_process_that_is_gone_is_refused(left):
    machine = with_processes(a_machine(), a_process(1000))
    plan = machine.plan(killing())
    with_processes(machine, *left)
    with pytest.raises(StalePlan, match="no longer on GPU-0"):
        machine.apply(plan)


def test_a_kill_whose_condition_is_over_is_refused():
    machine = with_processes(a_machine(), a_process(1000))
    plan = machine.plan(killing())
    machine.set_metric(TEMP, COOL)
    with pytest.raises(StalePlan, match="is over"):
        machine.apply(plan)


def test_processes_that_cannot_be_read_are_no_reason_to_guess():
    machine = a_machine()
    machine.around.processes = {}
    plan = machine.plan(killing())
    assert not plan.has_changes
    assert "Nothing is done" in reason(plan, "last-resort")


def test_what_the_node_file_forbids_is_neither_planned_nor_applied():
    machine = with_processes(a_machine(), a_process(1000))
    plan = machine.plan(killing())
    machine.around.forbid("kill_process")
    with pytest.raises(PlanNotApplyable, match="forbids kill_process"):
        machine.apply(plan)
    again = machine.plan(killing())
    assert not again.has_changes
    assert "forbids kill_process" in reason(again, "last-resort")


def test_one_process_for_a_gpu_in_a_plan_and_the_severest_policy_first():
    machine = with_processes(a_machine(), a_process(1000, memory=70, sm=10), a_process(2000, memory=5, sm=90))
    profile = a_profile(
        heat("mild", KillProcess()),
        heat("grave", KillProcess(), severity=Severity.CRITICAL),
    )
    plan = machine.plan(profile)
    assert len(plan.changes) == 1
    assert plan.changes[0].holds[0].policy == "grave"
    assert "Deferred" in reason(plan, "mild")


# -- drains


def in_a_cluster(machine, *pods, cordoned=False):
    machine.around.cluster = ClusterNode(name="node-01", is_cordoned=cordoned, pods=tuple(pods))
    return machine


def test_a_drain_marks_cordons_and_empties_the_node():
    machine = in_a_cluster(a_machine(), a_pod())
    plan = machine.plan(draining())
    assert kinds(plan) == [("node", "create")]
    assert any("ml/train-0" in note for note in plan.notes)
    assert machine.apply(plan).is_complete
    assert machine.around.cluster.is_cordoned
    assert not machine.plan(draining()).has_changes


def test_a_drain_that_a_budget_stops_leaves_the_truth_behind():
    machine = in_a_cluster(a_machine(), a_pod(blocked_by="ml/train"))
    plan = machine.plan(draining())
    assert any("disruption budget ml/train" in note for note in plan.notes)
    assert not machine.apply(plan).is_complete
    assert machine.state.managed.node.cordoned
    again = machine.plan(draining())
    assert kinds(again) == [("node", "update")]
    assert kinds(machine.plan([], mode=Mode.DESTROY)) == [("node", "delete")]


def test_a_drain_stays_when_the_node_cools_down():
    machine = in_a_cluster(a_machine())
    machine.plan_and_apply(draining())
    machine.set_metric(TEMP, COOL)
    machine.pass_time(7200)
    assert not machine.plan(draining()).has_changes


def test_an_explicit_release_gives_the_node_back():
    machine = in_a_cluster(a_machine())
    profile = draining(release=Release(duration_seconds=60))
    machine.plan_and_apply(profile)
    machine.set_metric(TEMP, COOL)
    machine.plan(profile)
    machine.pass_time(61)
    assert kinds(machine.plan(profile)) == [("node", "delete")]
    assert machine.plan_and_apply(profile).is_complete
    assert not machine.around.cluster.is_cordoned
    assert machine.state.managed.node is None


def test_only_the_last_holder_uncordons():
    machine = in_a_cluster(a_machine(gpus=2))
    profile = draining(release=Release(duration_seconds=0))
    machine.plan_and_apply(profile)
    machine.set_metric(TEMP, COOL, 0)
    assert kinds(machine.plan(profile)) == [("node", "update")]
    machine.plan_and_apply(profile)
    assert machine.around.cluster.is_cordoned
    machine.set_metric(TEMP, COOL, 1)
    machine.plan_and_apply(profile)
    assert not machine.around.cluster.is_cordoned


def test_a_node_that_somebody_else_cordoned_stays_cordoned():
    machine = in_a_cluster(a_machine(), cordoned=True)
    machine.plan_and_apply(draining())
    assert machine.state.managed.node == CordonedNode(
        name="node-01", cordoned=False, conditions=("GpuOverheated",), since=machine.now()
    )
    machine.plan_and_apply([], mode=Mode.DESTROY)
    assert machine.around.cluster.is_cordoned
    assert machine.around.cluster.conditions == {"GpuOverheated": "False"}


def test_a_node_that_somebody_uncordoned_is_drained_again():
    machine = in_a_cluster(a_machine())
    machine.plan_and_apply(draining())
    machine.around.cluster = replace(machine.around.cluster, is_cordoned=False)
    plan = machine.plan(draining())
    assert (kinds(plan), plan.changes[0].reason.value) == ([("node", "update")], "drift")


def test_a_cluster_that_does_not_answer_changes_nothing_and_is_said():
    machine = a_machine()
    machine.around.cluster = Missing(missing=MissingReason.NOT_READ, detail="connection refused")
    plan = machine.plan(draining())
    assert (plan.changes, plan.complete) == ((), False)
    assert any("connection refused" in item.summary for item in plan.diagnostics)


def test_a_plan_is_stale_when_somebody_cordoned_meanwhile():
    machine = in_a_cluster(a_machine())
    plan = machine.plan(draining())
    in_a_cluster(machine, cordoned=True)
    with pytest.raises(StalePlan, match="is cordoned"):
        machine.apply(plan)


# -- beside each other


def test_a_drain_goes_before_a_kill_of_the_same_severity():
    machine = in_a_cluster(with_processes(a_machine(), a_process(1000)))
    profile = a_profile(heat("kill", KillProcess()), heat("drain", MigratePod(node_condition="Hot")))
    plan = machine.plan(profile)
    assert kinds(plan) == [("node", "create")]
    assert "Deferred: train/drain (info) drains the node." in reason(plan, "kill")


def test_a_severer_kill_goes_before_a_drain():
    machine = in_a_cluster(with_processes(a_machine(), a_process(1000)))
    kill = heat("kill", KillProcess(), severity=Severity.CRITICAL)
    plan = machine.plan(a_profile(kill, heat("drain", MigratePod(node_condition="Hot"))))
    assert kinds(plan) == [("process", "delete")]
    assert "Deferred: train/kill (critical)" in reason(plan, "drain")


def test_actions_are_listed_in_the_order_of_apply_the_severest_first():
    machine = in_a_cluster(with_processes(a_machine(), a_process(1000)))
    profile = a_profile(
        heat("tell", Alert(channel="ops")),
        heat("shout", Alert(channel="ops"), severity=Severity.CRITICAL),
        heat("kill", KillProcess(), severity=Severity.WARNING),
    )
    plan = machine.plan(profile)
    assert [change.type for change in plan.changes] == [ResourceType.PROCESS, ResourceType.ALERT, ResourceType.ALERT]
    assert [change.holds[0].policy for change in plan.changes] == ["kill", "shout", "tell"]


def test_an_alert_does_not_make_a_plan_of_the_gpu_stale():
    machine = a_machine()
    with_power = a_profile(heat("heat", Alert(channel="ops")), settings={"power_limit_watts": 500.0})
    plan = machine.plan(with_power)
    machine.plan_and_apply(alerting())
    assert plan.changes[0].type is ResourceType.GPU
    only_gpu = replace(plan, changes=plan.changes[:1])
    assert machine.apply(only_gpu).is_complete


def test_destroy_gives_everything_back_at_once():
    machine = in_a_cluster(a_machine())
    profile = a_profile(
        heat("tell", Alert(channel="ops")),
        heat("drain", MigratePod(node_condition="Hot")),
        settings={"power_limit_watts": 500.0},
    )
    machine.plan_and_apply(profile)
    plan = machine.plan([], mode=Mode.DESTROY)
    assert [change.actions[0] for change in plan.changes] == [Operation.UPDATE, Operation.DELETE, Operation.DELETE]
    assert machine.apply(plan).is_complete
    assert not machine.state.managed.gpus
    assert machine.state.managed.node is None


def test_a_message_has_the_condition_without_its_target():
    machine = a_machine()
    machine.plan_and_apply(alerting())
    assert (machine.around.messages[0].target, machine.around.messages[0].condition) == (TEMP, "> 82")
