"""Tells stories: look, settle, plan, apply, every interval of the story's own time, by the code of every other run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from esnode.diagnostics import Diagnostic
from esnode.engine.apply import Surroundings, apply_plan
from esnode.engine.expectations import judge_story
from esnode.engine.locks import locked_gpus
from esnode.engine.planner import PlanOptions, make_plan
from esnode.engine.preflight import Expectations, check_plan
from esnode.engine.retelling import deeds, refusal, stood
from esnode.engine.sessions import settle
from esnode.errors import EsnodeError, PlanRefused
from esnode.model.audit import AuditEntry
from esnode.model.plan import Change, Plan
from esnode.model.profile import Profile
from esnode.model.report import StepOutcome
from esnode.model.state import State
from esnode.model.story import ProfileTest, Story
from esnode.model.story_run import Deed, Look, StoryResult, StoryRun
from esnode.storage.memory_state import MemoryState
from esnode.storage.states import with_observation
from esnode.wiring.applying import ready
from esnode.wiring.machine import Machine
from esnode.wiring.planning import look
from esnode.wiring.story_stage import acting, open_stage

_LINEAGE = "story"
_USER = "esnode test"


def run_stories(test: ProfileTest, wanted: Sequence[Story]) -> Iterator[StoryResult]:
    """Each of the wanted stories of a test, told and judged. A story that cannot be told is a result with an error."""
    for story in wanted:
        began = time.monotonic()
        try:
            run = tell(story, test.profiles)
        except EsnodeError as failure:
            parts = (failure.summary, failure.detail, failure.next_step)
            yield StoryResult(story=story, error=". ".join(part.rstrip(".") for part in parts if part) + ".")
            continue
        outcomes = judge_story(story, run)
        yield StoryResult(story=story, outcomes=outcomes, looks=len(run.looks), took=time.monotonic() - began)


def tell(story: Story, profiles: Sequence[Profile]) -> StoryRun:
    """Put profiles to a story from its first look to its last. Nothing outside of this process is read or changed."""
    with open_stage(story) as stage:
        machine = acting(stage)
        file = MemoryState(State(lineage=_LINEAGE))
        looks = []
        for number in range(story.looks):
            at = number * story.interval
            stage.go_to(at)
            plan, done = _cycle(machine, profiles, file, at)
            indexes = {gpu.identity.uuid: gpu.identity.index for gpu in plan.gpus}
            found = Look(at=at, stood=stood(plan, indexes), deeds=done, settings=stage.settings())
            looks.append(found)
        gpus = tuple(range(len(stage.specs)))
    return StoryRun(looks=tuple(looks), gpus=gpus, interval=story.interval)


def _cycle(
    machine: Machine, profiles: Sequence[Profile], file: MemoryState, at: float
) -> tuple[Plan, tuple[Deed, ...]]:
    """One pass: what was planned, and what came of it."""
    state = file.load()
    sight = look(machine, profiles, state)
    observation = settle(sight.observation, state.observed, locked=locked_gpus(state))
    planned = make_plan(
        profiles,
        observation,
        state,
        PlanOptions(),
        node_file=machine.node_file,
        neighbours=sight.neighbours,
    )
    file.save(with_observation(state, observation, planned.clocks))
    plan = planned.plan
    if not plan.can_apply:
        return plan, ()
    try:
        return plan, _apply(plan, machine, file, at)
    except PlanRefused as refused:
        return plan, (refusal(plan, refused, at),)


def _apply(plan: Plan, machine: Machine, file: MemoryState, at: float) -> tuple[Deed, ...]:
    check_plan(plan, "", Expectations())
    state, observation = ready(plan, file, machine, Expectations(), _SILENT, loop=None)
    world = Surroundings(
        actuator=machine.actuator(),
        hands=machine.hands(lambda _: None, _never),
        recorder=file,
        audit=_SILENT,
        operation="test",
        clock=machine.clock,
        progress=_SILENT,
        user=_USER,
        should_stop=_never,
    )
    report, _ = apply_plan(plan, state, observation, world)
    return deeds(plan, report, at)


def _never() -> bool:
    return False


class _Silent:
    """Hears everything and says nothing: what matters is in the run."""

    def warn(self, diagnostic: Diagnostic) -> None:
        """Of an interrupted apply; a story has none."""

    def record(self, entries: Sequence[AuditEntry]) -> None:
        """What a story does is done to nobody's machine."""

    def started(self, change: Change, setting: str) -> None:
        """Its end is news enough."""

    def finished(self, change: Change, outcome: StepOutcome) -> None:
        """The report has it."""


_SILENT = _Silent()
