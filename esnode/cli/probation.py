"""An apply on probation: a process of its own undoes it when nobody confirmed it in time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from esnode.cli.claiming import Claiming, claimed
from esnode.cli.machine import Facts, Machine, open_machine
from esnode.cli.planning import look
from esnode.engine.apply import Surroundings, apply_plan
from esnode.engine.planner import PlanOptions, make_plan
from esnode.engine.record import end_probation
from esnode.engine.recover import recover
from esnode.engine.sessions import settle
from esnode.model.plan import Mode
from esnode.model.report import ApplyReport
from esnode.model.state import State
from esnode.storage.files import PRIVATE
from esnode.storage.locks import locked
from esnode.storage.states import StateFile
from esnode.storage.watch import is_watched, watch_log
from esnode.views.apply import apply_view

NOBODY = "esnode (not confirmed in time)"


def ensure_watched(state_path: Path, simulate: Path | None, node_path: str) -> None:
    """Start the process that undoes an unconfirmed apply, unless one lives.

    It has a session of its own, so neither a closed terminal nor a killed esnode ends it. On hardware
    only root can undo anything, so only root starts it.
    """
    if is_watched(state_path) or (simulate is None and os.geteuid() != 0):
        return
    words = [sys.executable, "-m", "esnode", "revert", f"--state={state_path.absolute()}"]
    words += [f"--simulate={simulate.absolute()}"] if simulate else []
    words += [f"--node={Path(node_path).absolute()}"] if node_path else []
    log = os.open(watch_log(state_path), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE)
    try:
        subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=state_path.parent
        )
    finally:
        os.close(log)


class Watched:
    """A recorder that sees to the watching process as soon as the probation is on disk: before the first write."""

    def __init__(self, file: StateFile, simulate: Path | None, node_path: str) -> None:
        self.file = file
        self.simulate = simulate
        self.node_path = node_path
        self.is_watched = False

    def save(self, state: State) -> None:
        self.file.save(state)
        # Once: one that was started a moment ago has no sign of its own yet, and a second would be one too many.
        if not self.is_watched:
            ensure_watched(self.file.path, self.simulate, self.node_path)
            self.is_watched = True


def undo_overdue(file: StateFile, simulate: Path | None, given: Facts, lock_timeout: float) -> bool:
    """Undo the last apply if its time is over and nobody confirmed it. False when it has to be tried again."""
    with locked(file.path, "revert", timeout=lock_timeout), open_machine(simulate, given) as machine:
        state = file.load()
        probation = state.managed.probation
        if probation is None or probation.due_at.seconds_since(machine.clock.now()) > 0:
            return True
        report = _undo(file, machine, simulate, lock_timeout)
        if report.is_complete:
            return True
        latest = file.load()
        file.save(end_probation(latest, probation))
        return False


def _undo(file: StateFile, machine: Machine, simulate: Path | None, timeout: float) -> ApplyReport:
    state = file.load()
    sight = look(machine, [], state)
    observation = settle(sight.observation, state.observed)
    state, _ = recover(state, observation, sight.neighbours)
    plan = make_plan(
        [],
        observation,
        state,
        PlanOptions(mode=Mode.ROLLBACK),
        node_file=machine.node_file,
        neighbours=sight.neighbours,
    ).plan
    view = apply_view(as_json=False, no_color=True)
    view.executing(plan)
    if not plan.has_changes:
        file.save(end_probation(state))
        return ApplyReport(changes=(), results={})
    how = Claiming(simulate=simulate, take_over=False, lock=True, timeout=timeout, tell=view.warn)
    with claimed(plan, state, file, how) as state:
        world = Surroundings(
            actuator=machine.actuator(),
            hands=machine.hands(view.told, lambda: False),
            recorder=file,
            clock=machine.clock,
            progress=view,
            user=NOBODY,
            should_stop=lambda: False,
        )
        report, _ = apply_plan(plan, state, observation, world)
    view.end(report)
    return report
