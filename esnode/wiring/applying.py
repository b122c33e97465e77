"""The steps that every apply has in common, whoever began it: a person, a probation that ran out, the control loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from esnode.diagnostics import Diagnostic, warning
from esnode.engine.apply import Surroundings, apply_plan
from esnode.engine.preflight import Expectations, check_loop, check_world
from esnode.engine.sessions import settle
from esnode.errors import PlanRefused, StateUnwritable
from esnode.model.hardware import Observation
from esnode.model.loops import Loop
from esnode.model.plan import Plan
from esnode.model.report import ApplyReport
from esnode.model.state import State
from esnode.records import dataclass, replace
from esnode.storage.audit import AuditLog
from esnode.storage.states import StateFile, with_observation
from esnode.views.apply import ApplyView
from esnode.wiring.claiming import Claiming, claimed
from esnode.wiring.machine import Machine
from esnode.wiring.planning import look, recover_and_save
from esnode.wiring.watching import Watched


class Warned(Protocol):
    """Who is told what became of an interrupted apply."""

    def warn(self, diagnostic: Diagnostic) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How a plan is executed. `view` is told of everything as it happens; `should_stop` is asked between changes.

    With `revert_after` seconds the apply is on probation.
    """

    view: ApplyView
    user: str
    simulate: Path | None
    digest: str = ""
    take_over: bool = False
    lock: bool = True
    lock_timeout: float
    should_stop: Callable[[], bool] = lambda: False
    revert_after: float | None = None


def ready(
    plan: Plan, file: StateFile, machine: Machine, expected: Expectations, view: Warned, *, loop: Loop | None
) -> tuple[State, Observation]:
    """The state and a fresh reading, once every check has passed and the state has proved writable.

    `loop` is a living control loop that is not the caller. Raises PlanRefused; then nothing was touched.
    """
    check_loop(plan, loop)
    state = file.load()
    sight = look(machine, plan.profiles, state)
    observation = settle(sight.observation, state.observed)
    try:
        if state.managed.is_in_flight:
            state, sentences = recover_and_save(file, state, replace(sight, observation=observation))
            for sentence in sentences:
                view.warn(warning(sentence))
        check_world(plan, state, observation, expected, node_file=machine.node_file, neighbours=sight.neighbours)
        state = with_observation(state, observation, {})
        file.save(state)
    except StateUnwritable as failure:
        raise untouched(failure) from None
    return state, observation


def execute(
    plan: Plan, state: State, observation: Observation, file: StateFile, machine: Machine, how: Execution
) -> ApplyReport:
    """Claim the plan's GPUs and make its changes. A state that cannot be saved any more is put elsewhere, and shown."""
    claiming = Claiming(
        simulate=how.simulate, take_over=how.take_over, lock=how.lock, timeout=how.lock_timeout, tell=how.view.warn
    )
    with claimed(plan, state, file, claiming) as state:
        how.view.executing(plan)
        on_probation = how.revert_after is not None
        world = Surroundings(
            actuator=machine.actuator(),
            hands=machine.hands(how.view.told, how.should_stop),
            recorder=Watched(file, how.simulate, machine.node_file.path) if on_probation else file,
            audit=AuditLog(file.path),
            operation=file.operation,
            clock=machine.clock,
            progress=how.view,
            user=how.user,
            should_stop=how.should_stop,
            revert_after=how.revert_after,
            plan_digest=how.digest,
        )
        report, latest = apply_plan(plan, state, observation, world)
        if report.is_state_lost:
            saved_to = file.save_elsewhere(latest)
            how.view.state_errored(saved_to, b"" if saved_to else file.as_bytes(latest))
        return report


def untouched(failure: StateUnwritable) -> PlanRefused:
    """The refusal of an apply whose state cannot be written."""
    summary = f"Nothing was touched, because the state cannot be written: {failure.summary}"
    return PlanRefused(summary, next_step=failure.next_step)
