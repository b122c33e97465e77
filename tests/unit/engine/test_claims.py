"""Two state files never fight over one GPU."""

import pytest

from esnode.engine.claims import check_claims, claim_warnings, take_over
from esnode.errors import GpuClaimed
from esnode.model.claims import Claim, ForeignClaim, Standing
from tests.builders import a_profile, plan_of, uuid_of
from tests.unit.engine.machine import FakeMachine

GPU = uuid_of(0)
CAP = a_profile(settings={"power_limit_watts": 500.0})


def their_machine():
    """Another state has brought the limit from 700 to 600 W."""
    machine = FakeMachine()
    machine.plan_and_apply(
        a_profile(settings={"power_limit_watts": 600.0, "compute_mode": "prohibited"}, name="theirs")
    )
    return machine


def a_claim(standing, machine=None, problem=""):
    claim = Claim(gpu=GPU, lineage="theirs", state="/srv/theirs.json")
    record = machine.state.managed.gpus[GPU] if machine else None
    return {GPU: ForeignClaim(claim=claim, standing=standing, record=record, problem=problem)}


def a_newcomer(machine):
    newcomer = FakeMachine(*machine.gpus.values())
    return newcomer, newcomer.plan(CAP)


def test_anothers_gpu_is_a_warning_at_plan_and_a_refusal_at_apply():
    newcomer, plan = a_newcomer(their_machine())
    foreign = a_claim(Standing.VALID, their_machine())
    assert [note.summary for note in claim_warnings(plan, newcomer.state, foreign)] == [
        "GPU-0 is managed by another state, /srv/theirs.json"
    ]
    with pytest.raises(GpuClaimed) as refused:
        check_claims(plan, foreign, take_over=False)
    assert refused.value.exit_code == 3
    check_claims(plan, foreign, take_over=True)


def test_what_is_taken_over_goes_back_to_where_it_was_before_the_other():
    theirs = their_machine()
    newcomer, plan = a_newcomer(theirs)
    newcomer.state = take_over(plan, newcomer.state, a_claim(Standing.VALID, theirs)).state
    newcomer.apply(plan)
    record = newcomer.state.managed.gpus[GPU]
    assert record.settings["power_limit_watts"].baseline == 700.0
    assert "compute_mode" not in record.settings
    newcomer.plan_and_apply(a_profile(settings={"power_limit_watts": 500.0, "compute_mode": "exclusive_process"}))
    assert newcomer.state.managed.gpus[GPU].settings["compute_mode"].baseline == "default"


def test_where_the_other_state_is_gone_what_is_there_now_is_the_baseline():
    newcomer, plan = a_newcomer(their_machine())
    taken = take_over(plan, newcomer.state, a_claim(Standing.STATE_GONE))
    assert "which is gone" in taken.notes[0].summary
    newcomer.state = taken.state
    newcomer.apply(plan)
    assert newcomer.state.managed.gpus[GPU].settings["power_limit_watts"].baseline == 600.0


def test_baselines_that_are_there_and_cannot_be_read_are_never_dropped():
    _, plan = a_newcomer(their_machine())
    with pytest.raises(GpuClaimed, match="baselines cannot be read"):
        check_claims(plan, a_claim(Standing.UNREADABLE, problem="it is empty"), take_over=True)


def test_a_stale_claim_refuses_nothing_and_is_mentioned():
    newcomer, plan = a_newcomer(their_machine())
    stale = a_claim(Standing.NOT_MANAGED)
    check_claims(plan, stale, take_over=False)
    assert "stale claim" in claim_warnings(plan, newcomer.state, stale)[0].summary
    assert "no longer manages" in take_over(plan, newcomer.state, stale).notes[0].detail


def test_baselines_of_a_take_over_that_came_to_nothing_are_forgotten():
    theirs = their_machine()
    newcomer, plan = a_newcomer(theirs)
    taken = take_over(plan, newcomer.state, a_claim(Standing.VALID, theirs)).state
    assert taken.managed.gpus[GPU].inherited
    assert take_over(plan, taken, {}).state.managed.gpus == {}


def test_only_gpus_that_the_plan_changes_are_refused():
    newcomer, _ = a_newcomer(their_machine())
    idle = plan_of(a_profile(), newcomer.observe())
    check_claims(idle, a_claim(Standing.VALID, their_machine()), take_over=False)
