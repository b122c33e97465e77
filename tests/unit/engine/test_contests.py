"""Somebody else keeps changing a setting back: it is corrected with growing pauses, and somebody is told."""

from __future__ import annotations

from esnode.engine.contests import (
    FIRST_PAUSE,
    LONGEST_CRITICAL_PAUSE,
    LONGEST_PAUSE,
    Contests,
    corrected,
    observe_drift,
    resting,
)
from esnode.model.profile import Severity
from tests.builders import a_policy, a_profile, uuid_of
from tests.unit.engine.machine import FakeMachine

CAPPED = a_profile(settings={"power_limit_watts": 600.0})
LIMIT = (f'gpu["{uuid_of(0)}"]', "power_limit_watts")


class Rivalry:
    """A machine whose power limit another program sets to 700 W as soon as it is anything else."""

    def __init__(self, profile=CAPPED, metric=None):
        self.machine, self.profile, self.corrections = FakeMachine(), profile, []
        self.contests: Contests = {}
        for name, value in (metric or {}).items():
            self.machine.set_metric(name, value)
        self.machine.plan_and_apply(profile)

    def cycle(self, *, is_fought=True):
        machine, now = self.machine, self.machine.now()
        if is_fought:
            machine.set_setting("power_limit_watts", 700.0)
        plan = machine.plan(self.profile, resting=resting(self.contests, now))
        self.contests = observe_drift(self.contests, plan, now)
        rests = resting(self.contests, now)
        plan = machine.plan(self.profile, resting=rests)
        if plan.changes:
            self.contests = corrected(self.contests, machine.apply(plan), now)
            self.corrections.append(machine.second)
        machine.pass_time(5)

    def go_on(self, seconds, **how):
        for _ in range(int(seconds / 5)):
            self.cycle(**how)


def test_the_first_time_is_corrected_at_once_and_nobody_is_told():
    rivalry = Rivalry()
    rivalry.cycle()
    assert rivalry.corrections == [0]
    assert not rivalry.contests[LIMIT].is_raised


def test_the_pauses_grow_and_never_end_in_a_tight_loop():
    rivalry = Rivalry()
    rivalry.go_on(3 * 3600)
    gaps = [later - earlier for earlier, later in zip(rivalry.corrections, rivalry.corrections[1:], strict=False)]
    assert gaps[0] == FIRST_PAUSE
    assert gaps[:5] == sorted(gaps[:5])
    assert max(gaps) == LONGEST_PAUSE
    assert len(rivalry.corrections) < 25
    assert rivalry.contests[LIMIT].is_raised
    assert (rivalry.contests[LIMIT].wanted, rivalry.contests[LIMIT].found) == (600.0, 700.0)


def test_it_is_over_when_nobody_changed_it_for_a_while():
    rivalry = Rivalry()
    rivalry.go_on(120)
    assert rivalry.contests[LIMIT].is_raised
    rivalry.go_on(1900, is_fought=False)
    assert rivalry.contests == {}
    assert rivalry.machine.setting("power_limit_watts") == 600.0


def test_what_a_critical_policy_wants_is_not_given_up_for_long():
    hot = a_profile(a_policy(severity=Severity.CRITICAL))
    rivalry = Rivalry(hot, {"gpu_temp_celsius": 90.0})
    rivalry.go_on(1800)
    gaps = [later - earlier for earlier, later in zip(rivalry.corrections, rivalry.corrections[1:], strict=False)]
    assert max(gaps) <= LONGEST_CRITICAL_PAUSE


def test_a_restarted_driver_is_nobodys_contest():
    rivalry = Rivalry()
    rivalry.machine.set_setting("persistence_mode", False)
    rivalry.go_on(60, is_fought=False)
    assert rivalry.contests == {}
