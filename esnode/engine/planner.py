"""From profiles, one observation and the state to a plan.

1. select    which GPUs each profile is for                           (select)
2. judge     every policy on every selected GPU                       (judge)
3. resolve   what each setting should be                              (effects, base, resolve)
4. diff      against what is there; the difference is a change        (diff)
             and what else is called for: kills, drains, alerts       (actions)
5. explain   drift, and what a reviewer should know                   (drift, locks, advice, notes)

In a plan that is about drift alone, `corrections` takes the place of 2 to 4.
A pure function: same inputs, same plan. The observation is settled before (`sessions`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from esnode import __version__
from esnode.engine.actions import plan_actions
from esnode.engine.advice import GpuAdvice, advise, unidentified_warnings
from esnode.engine.corrections import Remedy, accept, correct
from esnode.engine.criterion import Criterion, criterion_of
from esnode.engine.diff import gpu_change
from esnode.engine.drift import Findings, find_drift
from esnode.engine.notes import make_notes
from esnode.engine.records import record_digest
from esnode.engine.resolve import Desired, Resolution, resolve
from esnode.engine.scope import Rule, Scope
from esnode.engine.select import Selecting
from esnode.engine.sessions import keep_managed
from esnode.engine.sites import Ground, Remarks, Site
from esnode.engine.undo import undo
from esnode.garbage import collector_paused
from esnode.model.hardware import Observation, ObservedGpu
from esnode.model.neighbours import NOBODY, Neighbours
from esnode.model.node_file import NO_NODE_FILE, NodeFile
from esnode.model.plan import (
    Cause,
    Change,
    Drift,
    DriftCause,
    LockJudgement,
    Mode,
    Plan,
    PlannedGpu,
    PriorState,
    gpu_address,
)
from esnode.model.profile import Profile
from esnode.model.readings import NOT_READ, Missing, MissingReason
from esnode.model.settings import POWER_LIMIT
from esnode.model.state import ManagedGpu, PolicyClock, State, hold_key
from esnode.model.verdict import Match, Verdict
from esnode.records import dataclass, replace

PLAN_VALID_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """How a plan was asked for. `targets` are addresses; empty means everything.

    `reassert` writes clock locks again of which nobody can tell whether they still hold; `resting` are settings, each
    with the address of its GPU, that are left as they are for now.
    """

    mode: Mode = Mode.NORMAL
    refreshed: bool = True
    valid_for: timedelta = PLAN_VALID_FOR
    targets: tuple[str, ...] = ()
    reassert: bool = False
    resting: Collection[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan, and the clocks that belong into the state's observed part whether it is applied or not."""

    plan: Plan
    clocks: Mapping[str, PolicyClock]


@dataclass(frozen=True, slots=True, kw_only=True)
class _GpuPlan:
    """What planning one GPU gave."""

    scope: Scope
    resolution: Resolution
    change: Change | None
    drift: tuple[Drift, ...]
    locks: tuple[LockJudgement, ...]
    advice: GpuAdvice
    is_complete: bool
    is_power_limit_ours: bool = False

    @property
    def site(self) -> Site:
        return Site(scope=self.scope, stands=self.resolution.acting, ended=self.resolution.ended)

    @property
    def is_site(self) -> bool:
        """Whether anything but the GPU's settings may be concerned."""
        return bool(self.resolution.acting or self.resolution.ended or self.scope.record.holds)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ready:
    """One profile, with what of it is the same for all GPUs of a node."""

    profile: Profile
    selecting: Selecting
    criteria: Sequence[Criterion]

    @staticmethod
    def of(profile: Profile, observation: Observation) -> _Ready:
        criteria = [criterion_of(profile, policy) for policy in profile.policies]
        return _Ready(profile=profile, selecting=Selecting(profile, observation.node), criteria=criteria)

    def rule(self, gpu: ObservedGpu) -> Rule:
        return Rule(profile=self.profile, selection=self.selecting.select(gpu), criteria=self.criteria)


@collector_paused()
def make_plan(
    profiles: Sequence[Profile],
    observation: Observation,
    state: State,
    options: PlanOptions,
    *,
    node_file: NodeFile = NO_NODE_FILE,
    neighbours: Neighbours = NOBODY,
) -> Planned:
    """The plan that brings the hardware of `observation`, and what is around it, to what `profiles` imply."""
    observation = keep_managed(observation, state)
    ready = [_Ready.of(profile, observation) for profile in profiles]
    planned = [_plan_gpu(gpu, ready, observation, state, options) for gpu in observation.gpus]
    selections = tuple(rule.selection for item in planned for rule in item.scope.rules)
    ground = Ground(
        sites=[item.site for item in planned if item.is_site],
        in_force=_in_force(planned),
        state=state,
        observation=observation,
        node_file=node_file,
        neighbours=neighbours,
    )
    actions = plan_actions(ground, options.mode)
    verdicts = _completed((verdict for item in planned for verdict in item.resolution.verdicts), actions.remarks)
    wanted = [*(item.change for item in planned if item.change), *actions.changes]
    targets = frozenset(options.targets)
    targeted = [change for change in wanted if not targets or change.address in targets]
    changes = tuple(replace(change, order=order) for order, change in enumerate(targeted, 1))
    locks = tuple(lock for item in planned for lock in item.locks)
    plan = Plan(
        esnode_version=__version__,
        timestamp=observation.taken_at.at,
        expires_at=observation.taken_at.at + options.valid_for,
        mode=options.mode,
        origin=observation.origin,
        refreshed=options.refreshed,
        node=observation.node,
        profiles=tuple(profiles),
        gpus=tuple(_planned_gpu(gpu) for gpu in observation.gpus),
        prior_state=_prior_state(state, changes),
        selections=selections,
        verdicts=verdicts,
        drift=tuple(drift for item in planned for drift in item.drift),
        changes=changes,
        diagnostics=(
            *unidentified_warnings(observation),
            *advise([item.advice for item in planned], profiles, selections, state, options.mode, options.targets),
            *actions.warnings,
        ),
        complete=all(item.is_complete for item in planned) and actions.is_complete and not observation.unidentified,
        targeted=options.targets,
        locks=locks,
        notes=(
            *make_notes(observation.gpus, _limited(planned), () if options.mode is Mode.DESTROY else locks),
            *actions.notes,
        ),
    )
    clocks = {key: clock for item in planned for key, clock in item.resolution.clocks.items()}
    return Planned(plan=plan, clocks=clocks)


def _in_force(planned: Iterable[_GpuPlan]) -> list[Criterion]:
    """All policies that are for any GPU, in the order in which they are met, each once."""
    selected = (rule for item in planned for rule in item.scope.rules if rule.selection.match is Match.SELECTED)
    met = {rule.profile.name: rule.criteria for rule in selected}
    return [criterion for criteria in met.values() for criterion in criteria]


def _completed(verdicts: Iterable[Verdict], remarks: Remarks) -> tuple[Verdict, ...]:
    """The verdicts with what was found out about their actions."""
    if not remarks:
        return tuple(verdicts)
    return tuple(
        replace(verdict, reason=f"{verdict.reason} {remark}") if remark else verdict
        for verdict in verdicts
        for remark in [remarks.get((verdict.gpu, hold_key(verdict.profile, verdict.policy)), "")]
    )


def _plan_gpu(
    gpu: ObservedGpu, ready: Sequence[_Ready], observation: Observation, state: State, options: PlanOptions
) -> _GpuPlan:
    record = state.managed.gpus.get(gpu.identity.uuid) or ManagedGpu(identity=gpu.identity)
    scope = Scope(
        gpu=gpu,
        record=record,
        rules=tuple([item.rule(gpu) for item in ready]),
        now=observation.taken_at,
        clocks=state.observed.clocks if state.observed else {},
        removal=Cause.DESTROY if options.mode is Mode.DESTROY else None,
    )
    found = find_drift(gpu, record, observation)
    match options.mode:
        case Mode.REFRESH_ONLY:
            return _about_drift(scope, found, accept(scope, found))
        case Mode.CORRECT:
            return _about_drift(scope, found, correct(scope, found))
        case _:
            return _about_everything(scope, found, _resolution(scope, state, options.mode), options)


def _about_everything(scope: Scope, found: Findings, resolution: Resolution, options: PlanOptions) -> _GpuPlan:
    gpu, record = scope.gpu, scope.record
    unreadable = tuple(item for item in resolution.desired if _is_unreadable(item, record))
    address = gpu_address(gpu.identity.uuid)
    ready = [
        item
        for item in resolution.desired
        if not isinstance(item.present, Missing) and (address, item.setting) not in options.resting
    ]
    change = gpu_change(gpu, record, ready, found, reassert=options.reassert)
    return _GpuPlan(
        scope=scope,
        resolution=resolution,
        change=change,
        drift=found.drift,
        locks=found.locks,
        advice=GpuAdvice(gpu=gpu, resolution=resolution, unreadable=unreadable, change=change),
        is_complete=gpu.is_readable and not unreadable,
        is_power_limit_ours=any(item.setting == POWER_LIMIT for item in resolution.desired),
    )


def _resolution(scope: Scope, state: State, mode: Mode) -> Resolution:
    if mode is not Mode.ROLLBACK:
        return resolve(scope)
    return undo(scope, state.managed.last_apply) if state.managed.last_apply else Resolution()


def _about_drift(scope: Scope, found: Findings, remedy: Remedy) -> _GpuPlan:
    resolution = Resolution(notes=remedy.notes, obstacles=remedy.obstacles)
    return _GpuPlan(
        scope=scope,
        resolution=resolution,
        change=remedy.change,
        drift=remedy.drift,
        locks=found.locks,
        advice=GpuAdvice(gpu=scope.gpu, resolution=resolution, unreadable=(), change=remedy.change),
        is_complete=scope.gpu.is_readable and not any(entry.cause is DriftCause.UNREADABLE for entry in found.drift),
        is_power_limit_ours=_is_ours(scope, POWER_LIMIT),
    )


def _is_ours(scope: Scope, setting: str) -> bool:
    given = any(rule.match is Match.SELECTED and setting in rule.profile.settings for rule in scope.rules)
    return given or setting in scope.record.settings


def _limited(planned: Sequence[_GpuPlan]) -> set[str]:
    """The GPUs whose power limit esnode manages or a profile wants."""
    return {item.advice.gpu.identity.uuid for item in planned if item.is_power_limit_ours}


def _is_unreadable(item: Desired, record: ManagedGpu) -> bool:
    """A setting that something wants or manages, and that could not be read although this GPU has it."""
    if not isinstance(item.present, Missing):
        return False
    is_managed = item.setting in record.settings
    return is_managed or (bool(item.because.profile) and item.present.missing is not MissingReason.UNSUPPORTED)


def _planned_gpu(gpu: ObservedGpu) -> PlannedGpu:
    return PlannedGpu(
        identity=gpu.identity,
        session=gpu.session,
        limits=replace(gpu.limits, graphics_clocks_mhz=_NO_LIST, memory_clocks_mhz=_NO_LIST),
        settings=gpu.settings,
        metrics=gpu.metrics,
        failure=gpu.failure,
    )


# Hundreds of supported clocks would bury what a reviewer looks for.
_NO_LIST = replace(NOT_READ, detail="not kept in a plan")


def _prior_state(state: State, changes: Sequence[Change]) -> PriorState:
    records = {change.address: record_digest(state, change) for change in changes}
    return PriorState(lineage=state.lineage, serial=state.serial, records=records)
