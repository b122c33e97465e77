"""Undoes an apply on probation that nobody confirmed in time."""

from __future__ import annotations

from pathlib import Path

from esnode.engine.planner import PlanOptions, make_plan
from esnode.engine.record import end_probation
from esnode.engine.sessions import settle
from esnode.model.plan import Mode
from esnode.model.report import ApplyReport
from esnode.records import replace
from esnode.storage.locks import locked
from esnode.storage.states import StateFile
from esnode.views.apply import apply_view
from esnode.wiring.applying import Execution, execute
from esnode.wiring.machine import Facts, Machine, open_machine
from esnode.wiring.planning import look, recover_and_save

NOBODY = "esnode (not confirmed in time)"


def undo_overdue(
    file: StateFile, simulate: Path | None, given: Facts, lock_timeout: float, *, as_json: bool = False
) -> bool:
    """Undo the last apply if its time is over and nobody confirmed it. False when it has to be tried again."""
    with locked(file.path, "revert", timeout=lock_timeout), open_machine(simulate, given) as machine:
        state = file.load()
        probation = state.managed.probation
        if probation is None or probation.due_at.seconds_since(machine.clock.now()) > 0:
            return True
        report = _undo(file, machine, simulate, lock_timeout, as_json=as_json)
        if report.is_complete:
            return True
        latest = file.load()
        file.save(end_probation(latest, probation))
        return False


def _undo(file: StateFile, machine: Machine, simulate: Path | None, timeout: float, *, as_json: bool) -> ApplyReport:
    state = file.load()
    sight = look(machine, [], state)
    observation = settle(sight.observation, state.observed)
    state, _ = recover_and_save(file, state, replace(sight, observation=observation))
    plan = make_plan(
        [],
        observation,
        state,
        PlanOptions(mode=Mode.ROLLBACK),
        node_file=machine.node_file,
        neighbours=sight.neighbours,
    ).plan
    view = apply_view(as_json=as_json, no_color=True)
    view.executing(plan)
    if not plan.has_changes:
        file.save(end_probation(state))
        return ApplyReport(changes=(), results={})
    how = Execution(view=view, user=NOBODY, simulate=simulate, lock_timeout=timeout)
    report = execute(plan, state, observation, file, machine, how)
    view.end(report)
    return report
