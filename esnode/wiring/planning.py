"""The steps that every command that plans has in common: read, settle, plan, remember, show, save."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from esnode.diagnostics import Diagnostic, warning
from esnode.engine.audit import entry_of_decision
from esnode.engine.claims import claim_warnings, concerned
from esnode.engine.identity import check_state_is_here
from esnode.engine.locks import locked_gpus
from esnode.engine.needs import needs_of
from esnode.engine.planner import PlanOptions, make_plan
from esnode.engine.recover import in_order, intent_in_words, recover
from esnode.engine.sessions import settle
from esnode.errors import BadInvocation, LockHeld, StateUnwritable
from esnode.model.hardware import Observation
from esnode.model.neighbours import NOBODY, Neighbours
from esnode.model.plan import Mode, Plan
from esnode.model.profile import Profile
from esnode.model.state import State
from esnode.records import dataclass, replace
from esnode.storage.audit import AuditLog
from esnode.storage.claims import ClaimFolder
from esnode.storage.locks import locked, user_name
from esnode.storage.states import StateFile
from esnode.units import format_duration
from esnode.wiring.addresses import resolve_address
from esnode.wiring.machine import Facts, Machine, open_machine, read_capture, runtime_dir


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked a plan to be."""

    profiles: Sequence[Profile]
    mode: Mode
    state_path: Path
    facts: Facts
    capture: Path | None
    simulate: Path | None
    refresh: bool
    lock: bool
    lock_timeout: float
    targets: tuple[str, ...]
    valid_for: float
    timeout: float
    reassert: bool = False


def plan_for(request: Request, machine: Machine | None = None) -> Plan:
    """The plan that was asked for, on a machine that was opened before, if it was.

    A refresh is stored in the state's observed part; a capture's never is.
    """
    if request.capture:
        captured = Sight(observation=read_capture(request.capture, request.facts))
        return _plan(request, captured, State(lineage=""), [])
    file = StateFile(request.state_path)
    if not request.refresh:
        state = file.load()
        recorded = _recorded(state, file.path, request.facts)
        is_open = state.managed.is_in_flight
        notes = [_in_flight(state, recorded, "Without a refresh nobody knows what became of it.")] if is_open else []
        return replace(_plan(request, Sight(observation=recorded), state, notes), in_flight=is_open)
    with contextlib.ExitStack() as stack:
        if machine is None:
            machine = stack.enter_context(open_machine(request.simulate, request.facts, timeout=request.timeout))
        state = file.load()
        sight = look(machine, request.profiles, state)
        machine.let_go()
        state, observation, notes, in_flight = observe_and_recover(
            file, state, sight, lock=request.lock, lock_timeout=request.lock_timeout
        )
        notes += _probation_notes(state, observation, file, request)
        settled = replace(sight, observation=observation)
        return replace(_plan(request, settled, state, notes, store=file), in_flight=in_flight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything that was read in one pass: what is stored, and who is around."""

    observation: Observation
    neighbours: Neighbours = NOBODY


def look(machine: Machine, profiles: Sequence[Profile], state: State) -> Sight:
    """Read the machine, and beside its GPUs what the profiles and the state want to know."""
    needs = needs_of(profiles, state)
    observation = machine.observe(needs)
    return Sight(observation=observation, neighbours=machine.meet(observation, needs))


def observe_and_recover(
    file: StateFile, state: State, sight: Sight, *, lock: bool, lock_timeout: float
) -> tuple[State, Observation, list[Diagnostic], bool]:
    """The state and the settled observation. What an interrupted apply left open is decided first.

    The last of the four is whether it could not be, because that apply may still be running.
    """
    check_state_is_here(state, sight.observation)
    observation = settle(sight.observation, state.observed, locked=locked_gpus(state))
    if not state.managed.is_in_flight:
        return state, observation, [], False
    try:
        with contextlib.ExitStack() as stack:
            if lock:
                stack.enter_context(locked(file.path, "recover", timeout=lock_timeout))
            state = file.load()
            state, sentences = recover_and_save(file, state, replace(sight, observation=observation))
    except LockHeld as busy:
        return state, observation, [_in_flight(state, observation, f"{busy.summary}. {busy.detail}")], True
    except StateUnwritable as failure:
        return state, observation, [_in_flight(state, observation, f"{failure.summary}.")], True
    return state, observation, [warning(sentence) for sentence in sentences], False


def recover_and_save(file: StateFile, state: State, sight: Sight) -> tuple[State, Sequence[str]]:
    """The state with the journal's open entries decided, saved when any was. Whoever calls holds the lock."""
    recovered, decisions = recover(state, sight.observation, sight.neighbours)
    if recovered != state:
        found = (entry_of_decision(decision, state, sight.observation, user_name()) for decision in decisions)
        AuditLog(file.path).record_missing([entry for entry in found if entry])
        recovered = replace(recovered, serial=state.serial + 1)
        file.save(recovered)
    return recovered, [decision.sentence for decision in decisions]


def _in_flight(state: State, observation: Observation, why: str) -> Diagnostic:
    writes = [intent_in_words(intent, observation) for intent in in_order(state, observation)]
    under_way = "; ".join([*writes, *sorted(state.managed.errands)])
    return warning(
        f"In flight: {under_way}", f"{why} This plan cannot be applied; plan again when that apply has ended."
    )


def _probation_notes(state: State, observation: Observation, file: StateFile, request: Request) -> list[Diagnostic]:
    """What waits for its confirmation stands in every plan, and whoever was to undo it is there."""
    probation = state.managed.probation
    if probation is None:
        return []
    from esnode.wiring.watching import ensure_watched

    ensure_watched(file.path, request.simulate, request.facts.node_file.path)
    left = format_duration(probation.due_at.seconds_since(observation.taken_at))
    return [
        warning(
            f"The last apply, by {probation.user}, is undone in {left} unless it is confirmed",
            "Run esnode confirm to keep it. Until then only its rollback can be applied.",
        )
    ]


def _plan(
    request: Request,
    sight: Sight,
    state: State,
    notes: list[Diagnostic],
    *,
    store: StateFile | None = None,
) -> Plan:
    observation = sight.observation
    identities = [gpu.identity for gpu in observation.gpus]
    options = PlanOptions(
        mode=request.mode,
        refreshed=request.refresh,
        valid_for=timedelta(seconds=request.valid_for),
        targets=tuple(resolve_address(target, identities) for target in request.targets),
        reassert=request.reassert,
    )
    planned = make_plan(
        request.profiles,
        observation,
        state,
        options,
        node_file=request.facts.node_file,
        neighbours=sight.neighbours,
    )
    if store:
        foreign = ClaimFolder(runtime_dir(request.simulate)).foreign(concerned(planned.plan, state), state.lineage)
        notes = [*notes, *claim_warnings(planned.plan, state, foreign)]
        try:
            store.store_observation(observation, planned.clocks, timeout=request.lock_timeout, lock=request.lock)
        except LockHeld as busy:
            notes = [*notes, warning("The readings were not stored: the state is locked", busy.detail)]
        except StateUnwritable as failure:
            notes = [*notes, warning("The readings were not stored, so no duration advances", failure.summary + ".")]
    return replace(planned.plan, diagnostics=(*notes, *planned.plan.diagnostics))


def _recorded(state: State, path: Path, facts: Facts) -> Observation:
    if state.observed is None:
        raise BadInvocation(
            f"The state {path} holds no readings to plan from", next_step="Plan once without -refresh=false."
        )
    observation = state.observed.observation
    tags = {**observation.node.tags, **facts.tags}
    labels = {**observation.node.labels, **facts.labels}
    return replace(observation, node=replace(observation.node, tags=tags, labels=labels))
