"""What a loop says: each thing once, when it changes, and never at every tick."""

from __future__ import annotations

from esnode.loop.keeper import CycleResult
from esnode.loop.reporter import Reporter
from esnode.model.news import Grade, News
from esnode.model.readings import Missing, MissingReason
from tests.builders import a_gpu, a_policy, a_profile, a_state, an_observation, plan_of

LOST = Missing(missing=MissingReason.GPU_LOST)


class Told:
    def __init__(self):
        self.news: list[News] = []
        self.reporter = Reporter(self.news.append)

    def cycle(self, *gpus, profile=None):
        """The kinds of news of one cycle."""
        before = len(self.news)
        plan = plan_of(profile or a_profile(a_policy()), an_observation(*gpus), a_state())
        result = CycleResult(plan=plan, state=a_state(), done=plan)
        self.reporter.planned(result, {}, None)
        self.reporter.done(result)
        return [item.kind for item in self.news[before:]]


def at(celsius, index=0, **members):
    return a_gpu(index, metrics={"gpu_temp_celsius": celsius}, **members)


def test_a_verdict_is_news_when_it_turns_and_equal_gpus_are_one_line():
    told = Told()
    assert told.cycle(at(60), at(60, 1)) == []
    assert told.cycle(at(90), at(91, 1)) == ["verdict"]
    assert "on GPU-0, GPU-1: ACTIVE" in told.news[-1].message
    assert told.cycle(at(92), at(93, 1)) == []
    assert told.cycle(at(60), at(93, 1)) == ["verdict"]


def test_coming_near_a_limit_is_not_worth_a_line():
    told = Told()
    assert told.cycle(at(60)) == told.cycle(at(80)) == told.cycle(at(60)) == []


def test_a_gpu_that_went_away_and_came_back_is_told_once_each():
    told = Told()
    told.cycle(at(60), at(60, 1))
    assert "gpu_unreadable" in told.cycle(at(60), at(60, 1, failure=LOST))
    assert told.cycle(at(60), at(60, 1, failure=LOST)) == []
    assert "gpu_readable" in told.cycle(at(60), at(60, 1))


def test_a_warning_that_stays_is_told_once_and_again_when_it_comes_back():
    told, unread = Told(), a_profile(a_policy(target="xid_error", condition="= 79"))
    assert told.cycle(at(60), profile=unread) == ["warning"]
    assert told.cycle(at(60), profile=unread) == []
    assert told.cycle(at(60)) == ["verdict"]  # it can be judged again
    assert told.cycle(at(60), profile=unread) == ["warning"]


def test_failing_and_working_again_are_one_line_each():
    told = Told()
    for failure in ("", "no driver", "no driver", "disk full", "", ""):
        told.reporter.health(failure, 10.0)
    assert [(item.kind, item.grade) for item in told.news] == [
        ("cycle_failed", Grade.ERROR),
        ("cycle_failed", Grade.ERROR),
        ("cycle_recovered", Grade.INFO),
    ]
