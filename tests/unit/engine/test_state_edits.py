"""What the commands on the state do to it."""

import pytest

from esnode.engine.state_edits import forget_gpu, parse_rename, rename
from esnode.errors import BadInvocation
from tests.builders import a_gpu, a_policy, a_profile, uuid_of
from tests.unit.engine.machine import FakeMachine

HOT = a_policy(condition="> 50")


def a_held_machine():
    machine = FakeMachine(a_gpu(0), a_gpu(1))
    machine.plan_and_apply(a_profile(HOT, settings={"compute_mode": "prohibited"}))
    return machine


def test_a_renamed_policy_keeps_its_hold_and_its_clock():
    machine = a_held_machine()
    machine.state = rename(machine.state, parse_rename("train/thermal-safety", "train/heat")).state
    machine.pass_time(1)
    plan = machine.plan(a_profile(a_policy("heat", condition="> 50"), settings={"compute_mode": "prohibited"}))
    assert not plan.has_changes
    assert machine.state.managed.gpus[uuid_of(0)].holds.keys() == {"train/heat"}


def test_a_renamed_profile_takes_everything_along():
    machine = a_held_machine()
    renamed = rename(machine.state, parse_rename("train", "llama"))
    assert (renamed.holds, renamed.settings, renamed.clocks) == (2, 4, 2)
    owners = {str(managed.owner) for managed in renamed.state.managed.gpus[uuid_of(0)].settings.values()}
    assert owners == {"llama/settings", "llama/thermal-safety"}
    machine.state = renamed.state
    profile = a_profile(HOT, name="llama", settings={"compute_mode": "prohibited"})
    assert not machine.plan(profile).has_changes


def test_another_policys_hold_stays_where_it_is():
    machine = a_held_machine()
    with pytest.raises(BadInvocation, match="nothing of train/other"):
        rename(machine.state, parse_rename("train/other", "train/new"))


def test_a_name_that_is_taken_is_refused():
    machine = FakeMachine()
    machine.plan_and_apply(a_profile(HOT, a_policy("second", condition="> 50")))
    with pytest.raises(BadInvocation, match="something of train/second already"):
        rename(machine.state, parse_rename("train/thermal-safety", "train/second"))


@pytest.mark.parametrize(
    ("old", "new"), [("a", "a/b"), ("a/b", "a"), ("", "a"), ("a/", "b/"), ("a", "a"), ("a/settings", "a/b")]
)
def test_a_rename_is_a_profile_or_a_policy_on_both_sides(old, new):
    with pytest.raises(BadInvocation):
        parse_rename(old, new)


def test_a_forgotten_gpu_leaves_nothing_and_the_other_everything():
    machine = a_held_machine()
    state = forget_gpu(machine.state, uuid_of(0))
    assert state.managed.gpus == {uuid_of(1): machine.state.managed.gpus[uuid_of(1)]}
    assert state.observed is not None
    assert [gpu.identity.index for gpu in state.observed.observation.gpus] == [1]
    assert all(uuid_of(0) not in key for key in state.observed.clocks)
