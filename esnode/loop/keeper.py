"""Keeps one machine to its profiles: each `cycle` is one refresh, plan and apply, by the command line's own steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

from esnode.diagnostics import Diagnostic
from esnode.engine.approvals import split
from esnode.engine.contests import corrected, observe_drift, resting
from esnode.engine.identity import check_state_is_here
from esnode.engine.locks import locked_gpus
from esnode.engine.planner import PlanOptions, make_plan
from esnode.engine.preflight import Expectations
from esnode.engine.sessions import settle
from esnode.errors import EsnodeError, LockHeld, PlanRefused, StateUnreadable, StateUnwritable
from esnode.loop.desk import Desk
from esnode.loop.memory import Memory
from esnode.loop.orders import Orders
from esnode.model.hardware import Observation
from esnode.model.needs import Needs
from esnode.model.plan import Mode, Plan
from esnode.model.profile import Profile
from esnode.model.report import ApplyReport
from esnode.model.state import State
from esnode.records import dataclass, field, replace
from esnode.storage.locks import locked
from esnode.storage.plans import decision_digest
from esnode.storage.states import StateFile
from esnode.views.apply import ApplyView
from esnode.wiring.applying import Execution, execute, ready
from esnode.wiring.machine import Machine
from esnode.wiring.planning import Sight, look, observe_and_recover

_STORE_TIMEOUT: Final = 0.5
"""Seconds that a refresh waits for the state's lock: the next one comes soon."""

_RUN: Final = 3600.0
"""Seconds of one run in the state's history: a loop that lives for months must not push everything else out of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleResult:
    """What one cycle did. `plan` is all that is wanted, `done` the part that this loop may do itself.

    `report` is None when nothing was applied: because there was nothing to do, or, with `refused`, because it was
    not possible. `notes` are what the refresh had to say; `problems` what went wrong beside the changes.
    """

    plan: Plan
    state: State
    done: Plan
    digest: str = ""
    report: ApplyReport | None = None
    refused: EsnodeError | None = None
    notes: tuple[Diagnostic, ...] = ()
    problems: tuple[EsnodeError, ...] = field(default=())

    @property
    def is_complete(self) -> bool:
        """Whether everything that this cycle was to do was done."""
        applied = self.report is None or self.report.is_complete
        return applied and self.refused is None and not self.problems


class Keeper:
    """`view` is that of its applies. `planned` is told of each plan before anything is done about it, and what it
    returns is entered while that is done; `should_stop` is asked between two changes.
    """

    def __init__(
        self,
        machine: Machine,
        orders: Orders,
        view: ApplyView,
        *,
        planned: Callable[[CycleResult], AbstractContextManager[None]],
        should_stop: Callable[[], bool],
    ) -> None:
        self.orders = orders
        self.memory = Memory()
        self.desk = Desk(orders.state_path)
        self._view = view
        self._planned = planned
        self._should_stop = should_stop
        self._file = StateFile(orders.state_path, operation="enforce")
        self._run_began = 0.0
        self.machine = machine
        self.know(machine)

    def know(self, machine: Machine) -> None:
        """Go on with another view of the same machine: its node file was read again."""
        memory = self.memory

        def observe(needs: Needs) -> Observation:
            seen = machine.observe(needs)
            memory.listens = machine.listens()
            return memory.with_xids(seen)

        machine.listen()
        self.machine = replace(machine, observe=observe)

    def cycle(self, profiles: Sequence[Profile]) -> CycleResult:
        """Look, judge, and do what is to be done. Raises EsnodeError where not even a plan can be made."""
        state = self._load()
        sight = look(self.machine, profiles, state)
        state, observation, notes, in_flight = self._settled(state, sight)
        self.memory.forget_old_xids(observation)
        plan = replace(self._plan(profiles, state, replace(sight, observation=observation)), in_flight=in_flight)
        problems = [*self._store(plan, observation)]
        ours, asked = split(plan, self.orders.approvals)
        result = CycleResult(plan=plan, state=state, done=ours, notes=tuple(notes))
        if not self.orders.dry_run:
            problems += self._lay(asked)
        with self._planned(result):
            if ours.can_apply and not self.orders.dry_run:
                result = self._apply(result)
        return replace(result, problems=tuple(problems))

    def give_back(self) -> CycleResult:
        """Give every managed setting back."""
        state = self._load()
        sight = look(self.machine, [], state)
        state, observation, notes, in_flight = self._settled(state, sight)
        options = PlanOptions(mode=Mode.DESTROY)
        plan = self._made([], state, replace(sight, observation=observation), options)
        result = CycleResult(plan=plan, state=state, done=replace(plan, in_flight=in_flight), notes=tuple(notes))
        return self._apply(result) if result.done.can_apply else result

    # -- the steps

    def _load(self) -> State:
        """The state, as its file and this loop's memory have it. A file that vanished is no new beginning."""
        if self.memory.lineage and not self._file.exists:
            raise StateUnreadable(
                f"The state file {self._file.path} is gone while it is being kept",
                detail="It holds what every setting was before esnode first touched it.",
                next_step="Bring it back with esnode state restore; to begin anew, stop the loop first.",
            )
        state = self._file.load()
        if self._file.exists:
            self.memory.lineage = state.lineage
        return self.memory.over(state)

    def _settled(self, state: State, sight: Sight) -> tuple[State, Observation, list[Diagnostic], bool]:
        if self.orders.dry_run:
            check_state_is_here(state, sight.observation)
            observation = settle(sight.observation, state.observed, locked=locked_gpus(state))
            return state, observation, [], state.managed.is_in_flight
        timeout = self.orders.lock_timeout
        recovered, observation, notes, open_still = observe_and_recover(
            self._file, state, sight, lock=True, lock_timeout=timeout
        )
        return self.memory.over(recovered), observation, notes, open_still

    def _plan(self, profiles: Sequence[Profile], state: State, sight: Sight) -> Plan:
        """The plan, without what is left alone because somebody else keeps changing it."""
        memory, now = self.memory, sight.observation.taken_at
        reasserts = memory.is_time_to_reassert(now)
        options = PlanOptions(reassert=reasserts, resting=resting(memory.contests, now))
        plan = self._made(profiles, state, sight, options)
        memory.contests = observe_drift(memory.contests, plan, now)
        rests = resting(memory.contests, now)
        if rests != options.resting:
            plan = self._made(profiles, state, sight, replace(options, resting=rests))
        if reasserts:
            memory.reasserted_at = now
        return plan

    def _made(self, profiles: Sequence[Profile], state: State, sight: Sight, options: PlanOptions) -> Plan:
        planned = make_plan(
            profiles,
            sight.observation,
            state,
            options,
            node_file=self.machine.node_file,
            neighbours=sight.neighbours,
        )
        self.memory.keep(state, sight.observation, dict(planned.clocks))
        return planned.plan

    def _store(self, plan: Plan, observation: Observation) -> list[EsnodeError]:
        """Store what was seen, when it is worth it; a state that is locked is written to the next time."""
        memory, now = self.memory, observation.taken_at
        if self.orders.dry_run or not memory.is_to_be_stored(plan, now) or memory.observed is None:
            return []
        try:
            self._file.store_observation(observation, memory.observed.clocks, timeout=_STORE_TIMEOUT)
        except LockHeld:
            return []
        except StateUnwritable as failure:
            return [failure]
        memory.was_stored(plan, now)
        self.memory.lineage = self._file.load().lineage
        return []

    def _lay(self, asked: Plan) -> list[EsnodeError]:
        try:
            self.desk.lay(asked)
        except EsnodeError as failure:
            return [failure]
        return []

    def _apply(self, result: CycleResult) -> CycleResult:
        orders, plan = self.orders, result.done
        digest = decision_digest(plan)
        how = Execution(
            view=self._view,
            user=orders.user,
            simulate=orders.simulate,
            digest=digest,
            lock_timeout=orders.lock_timeout,
            should_stop=self._should_stop,
        )
        result = replace(result, digest=digest)
        try:
            with locked(orders.state_path, "enforce", timeout=orders.lock_timeout):
                file = self._file_of_run()
                state, observation = ready(plan, file, self.machine, Expectations(), self._view, loop=None)
                report = execute(plan, state, observation, file, self.machine, how)
                state = file.load()
        except (PlanRefused, LockHeld, StateUnwritable) as refused:
            return replace(result, refused=refused)
        self.memory.contests = corrected(self.memory.contests, report, self.machine.clock.now())
        return replace(result, report=report, state=state)

    def _file_of_run(self) -> StateFile:
        """The state file of the present run; a new run begins each hour, and after anybody else wrote."""
        now = self.machine.clock.monotonic()
        if not self._file.is_as_left or now - self._run_began >= _RUN:
            self._file = StateFile(self.orders.state_path, operation="enforce")
            self._run_began = now
        return self._file
