"""Executes a plan that passed preflight, phase by phase, and records only what was read back.

    for each phase: open the intents (saved) -> write -> read back -> audit -> close the intents (saved)

All GPUs of a phase go side by side; the state is saved twice for each phase, so the journal is on
disk before the first of its writes. What was done is in the audit log before its intent is closed: after a
crash in between, whoever decides the open intent finds it there already, so each action is there exactly once.
The only module of the engine that names an actuator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esnode.engine.audit import Act, entry_of_record, entry_of_step
from esnode.engine.carry_out import Errands, carry_out, outcome_of_errand
from esnode.engine.errands import close_errand, make_errand, open_errands, steps_by_gpu, take_steps
from esnode.engine.outcomes import outcome_of
from esnode.engine.ports import Actuator, Auditor, Clock, Hands, Progress, Recorder
from esnode.engine.record import (
    begin_apply,
    close_intent,
    drop_intent,
    forget_rests,
    make_intent,
    open_intents,
    record_only,
    remember,
)
from esnode.engine.stages import PHASES, Task, stages, steps_of
from esnode.errors import StateUnwritable
from esnode.model.hardware import GpuIdentity, Moment, Observation
from esnode.model.plan import Change, Mode, Operation, Plan, ResourceType
from esnode.model.readings import NOT_READ, Missing, Reading
from esnode.model.report import ApplyReport, Result, StepOutcome
from esnode.model.settings import SETTINGS, ReadableValue
from esnode.model.state import Intent, State
from esnode.model.writes import Done, Written
from esnode.records import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Everything apply needs of the world. With `revert_after` seconds the apply is on probation.

    `operation` is the command, `plan_digest` what messages and the audit log call the plan by.
    """

    actuator: Actuator
    hands: Hands
    recorder: Recorder
    audit: Auditor
    operation: str
    clock: Clock
    progress: Progress
    user: str
    should_stop: Callable[[], bool]
    revert_after: float | None = None
    plan_digest: str = ""


def apply_plan(plan: Plan, state: State, observation: Observation, world: Surroundings) -> tuple[ApplyReport, State]:
    """Make the plan's changes. The report says of each what became of it; the state is the latest one, saved or not.

    A change that fails does not stop the others, only what is left of itself. When the state cannot be
    saved any more, nothing further is written.
    """
    run = _Run(plan=plan, state=state, observation=observation, world=world)
    try:
        for phase, batch in stages(plan):
            if world.should_stop():
                run.stopped = "interrupted"
                break
            tasks = [task for task in batch if run.is_open(task.change)]
            if phase in PHASES.values():
                run.run_errands(tasks)
            else:
                run.execute(tasks)
        run.finish()
    except StateUnwritable as failure:
        run.stopped = failure.summary
        run.is_state_lost = not run.is_saved
    return run.report(), run.state


class _Run:
    """One apply under way: the state so far and the outcome of every step."""

    def __init__(self, *, plan: Plan, state: State, observation: Observation, world: Surroundings) -> None:
        self.plan = plan
        self.state = state
        self.world = world
        self.stopped = ""
        self.is_state_lost = False
        self.is_saved = True
        self.has_begun = False
        self.steps: list[StepOutcome] = []
        self.written: dict[str, set[str]] = {}
        self.observed = {gpu.identity.uuid: gpu for gpu in observation.gpus}
        self.results: dict[str, Result] = {change.address: Result.NOT_STARTED for change in plan.changes}
        self.act = Act(
            operation=world.operation, user=world.user, plan=plan, digest=world.plan_digest, lineage=state.lineage
        )

    def is_open(self, change: Change) -> bool:
        return self.results[change.address] is not Result.FAILED

    def execute(self, tasks: Sequence[Task]) -> None:
        """Write one batch: journal, hardware, read-back, record."""
        if not tasks:
            return
        now = self.world.clock.now()
        intents = [
            make_intent(
                task.change,
                task.setting,
                self.state,
                observed=self._observed(task),
                user=self.world.user,
                now=now,
            )
            for task in tasks
        ]
        state = self._begun(now)
        for intent in intents:
            state = remember(state, intent.gpu, {intent.setting: intent.before})
        self._save(open_intents(state, intents))
        all_written, now = self._write_all(tasks), self.world.clock.now()
        state, opened = self.state, self.state.serial
        for task, intent, written in zip(tasks, intents, all_written, strict=True):
            outcome = outcome_of(task, written)
            state = self._close(state, task, intent, outcome, now)
            self._finished(task, outcome)
        self._close_batch(state, tasks, opened)

    def run_errands(self, tasks: Sequence[Task]) -> None:
        """Everything of one kind that is not a setting: journal, deed, what was found afterwards, record."""
        if not tasks:
            return
        now = self.world.clock.now()
        state = self._begun(now)
        for task in tasks:
            for uuid, _ in steps_by_gpu(task.change):
                state = remember(state, uuid, {})
        self._save(open_errands(state, [make_errand(task.change, state, now) for task in tasks]))
        for task in tasks:
            self.world.progress.started(task.change, task.setting)
        state, opened = self.state, self.state.serial
        for task, done in zip(tasks, self._run_all([task.change for task in tasks]), strict=True):
            outcome = outcome_of_errand(task.change, done)
            state = close_errand(state, task.change, done, self._identities(), self.world.clock.now())
            if outcome.result is Result.FAILED:
                self.results[task.change.address] = Result.FAILED
            self._finished(task, outcome)
        self._close_batch(state, tasks, opened)

    def _finished(self, task: Task, outcome: StepOutcome) -> None:
        self.steps.append(outcome)
        if not outcome.error:
            self.written.setdefault(outcome.address, set()).add(outcome.setting)
        self.world.progress.finished(task.change, outcome)

    def _close_batch(self, state: State, tasks: Sequence[Task], opened: int) -> None:
        """Write down what was done, then close its journal entries.

        A log that is full does not cost the record, and no action is missing from it later: what cannot be written
        down leaves its entries open, and whoever decides them by looking again writes it down first.
        `opened` is the serial of the state that those entries were saved in first.
        """
        now, outcomes = self.world.clock.now(), self.steps[-len(tasks) :]
        try:
            self.world.audit.record(
                [
                    entry_of_step(self.act, task.change, outcome, state_serial=opened, now=now)
                    for task, outcome in zip(tasks, outcomes, strict=True)
                ]
            )
        except StateUnwritable:
            still_open = self.state.managed
            managed = replace(state.managed, journal=still_open.journal, errands=still_open.errands)
            self._save(replace(state, managed=managed))
            raise
        self._save(state)

    def _run_all(self, changes: Sequence[Change]) -> Sequence[Done]:
        run = Errands(plan=self.plan, state=self.state, digest=self.world.plan_digest, now=self.world.clock.now())
        return carry_out(changes, run, self.world.hands)

    def _identities(self) -> dict[str, GpuIdentity]:
        return {uuid: gpu.identity for uuid, gpu in self.observed.items()}

    def finish(self) -> None:
        """Record what needs no hardware, for every change whose writes all succeeded."""
        now = self.world.clock.now()
        state = self._begun(now)
        done = [change for change in self.plan.changes if self._is_done(change)]
        for change in done:
            recorded = self._record_only(state, change, now)
            if recorded != state and change.gpu:
                recorded = self._record_only(remember(state, change.gpu.uuid, {}), change, now)
            state = recorded
        if self.plan.mode is Mode.DESTROY:
            state = forget_rests(state, [change.gpu.uuid for change in done if change.gpu])
        unwritten = [change for change in done if not steps_of(change)]
        serial = self.state.serial + 1
        self.world.audit.record(
            [entry_of_record(self.act, change, state_serial=serial, now=now) for change in unwritten]
        )
        if state != self.state:
            self._save(state)
        for change in done:
            self.results[change.address] = Result.APPLIED

    def _record_only(self, state: State, change: Change, now: Moment) -> State:
        if change.type is ResourceType.GPU:
            return record_only(state, change, now)
        is_forgotten = change.actions == (Operation.FORGET,)
        return take_steps(state, change, self._identities(), now) if is_forgotten else state

    def _begun(self, now: Moment) -> State:
        """The state, with this apply as its last one from the first save on."""
        if self.has_begun:
            return self.state
        self.has_begun = True
        return begin_apply(self.state, self.world.user, now, self.world.revert_after)

    def _is_done(self, change: Change) -> bool:
        """Whether every write of a change succeeded. One without writes waits for a run that is not interrupted."""
        written = self._written(change)
        return self.is_open(change) and written == set(steps_of(change)) and bool(written or not self.stopped)

    def _written(self, change: Change) -> set[str]:
        return self.written.get(change.address, set())

    def report(self) -> ApplyReport:
        for change in self.plan.changes:
            if self.results[change.address] is Result.NOT_STARTED and self._written(change):
                # Stopped with this change in hand: what hardware shows counts, half of a change does not.
                whole = self._written(change) == set(steps_of(change))
                self.results[change.address] = Result.APPLIED if whole else Result.FAILED
        return ApplyReport(
            changes=self.plan.changes,
            results=self.results,
            steps=tuple(self.steps),
            stopped=self.stopped,
            is_state_lost=self.is_state_lost,
        )

    def _observed(self, task: Task) -> Reading[ReadableValue]:
        gpu = self.observed.get(task.change.gpu.uuid) if task.change.gpu else None
        return gpu.setting(task.setting) if gpu else NOT_READ

    def _write_all(self, tasks: Sequence[Task]) -> Sequence[Written]:
        for task in tasks:
            self.world.progress.started(task.change, task.setting)
        return self.world.actuator.write_all([task.write for task in tasks])

    def _close(self, state: State, task: Task, intent: Intent, outcome: StepOutcome, now: Moment) -> State:
        """The record after one step, by what was found on the hardware and not by what was hoped for."""
        identity = task.change.gpu
        if identity is None:
            raise ValueError(f"{task.change.address} has no GPU")
        if outcome.result is Result.APPLIED:
            return close_intent(state, intent, intent.after, identity, now)
        self.results[task.change.address] = Result.FAILED
        if outcome.is_undecided:
            # The intent stays open, and the next run decides it.
            return state
        if outcome.read_back is None or isinstance(outcome.read_back, Missing):
            return drop_intent(state, intent)
        if SETTINGS[task.setting].is_same(outcome.read_back, intent.before):
            return drop_intent(state, intent)
        return close_intent(state, intent, outcome.read_back, identity, now)

    def _save(self, state: State) -> None:
        # Kept before it is saved: when the disk is full, this is what must not be lost.
        self.state = replace(state, serial=self.state.serial + 1)
        self.is_saved = False
        self.world.recorder.save(self.state)
        self.is_saved = True
