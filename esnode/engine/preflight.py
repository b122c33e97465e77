"""Everything that is checked before apply touches anything. A plan that fails one check is refused whole."""

from __future__ import annotations

from datetime import timedelta

from esnode.engine.criterion import release_condition
from esnode.engine.gates import NO_RULES, Rules, check_rules
from esnode.engine.identity import check_state_is_here, is_other_machine
from esnode.engine.judge import reading_of
from esnode.engine.preflight_actions import check_action
from esnode.engine.records import record_digest
from esnode.errors import (
    LoopAlive,
    OnProbation,
    PlanExpired,
    PlanNotApplyable,
    PlanUnexpected,
    StalePlan,
    StateElsewhere,
    WrongMachine,
)
from esnode.model.hardware import Observation, ObservedGpu, Origin
from esnode.model.loops import Loop
from esnode.model.metrics import metric
from esnode.model.neighbours import NOBODY, Neighbours
from esnode.model.node_file import NO_NODE_FILE, NodeFile
from esnode.model.plan import Cause, Change, HoldStep, Mode, Plan, ResourceType
from esnode.model.profile import Policy
from esnode.model.readings import Missing
from esnode.model.settings import GRAPHICS_CLOCK, MEMORY_CLOCK, POWER_LIMIT, SETTINGS, ClockRange, SettingValue
from esnode.model.state import ManagedGpu, State
from esnode.records import dataclass
from esnode.units import format_duration

PLAN_AGAIN = "Run esnode plan -out FILE again, review it, and apply that."


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """What the caller of apply insists on. `max_age` can only shorten the plan's own life."""

    digest: str = ""
    max_age: timedelta | None = None
    rules: Rules = NO_RULES


def check_plan(plan: Plan, digest: str, expected: Expectations) -> None:
    """The checks that need nothing but the plan. Raises PlanRefused."""
    if plan.is_reviewable_only:
        raise PlanNotApplyable(
            f"This plan was made from a capture of {plan.node.identity.hostname}, for review only",
            next_step="Plan on the machine itself; apply -expect-digest holds that plan to this one's decision.",
        )
    if plan.in_flight:
        raise PlanNotApplyable(
            "This plan was made while another apply was under way, from settings that it may have changed since",
            next_step=PLAN_AGAIN,
        )
    check_rules(plan, expected.rules)
    if expected.digest and expected.digest != digest:
        raise PlanUnexpected(
            "This plan's decision is not the expected one",
            detail=f"The plan's digest is {digest}, -expect-digest says {expected.digest}.",
            next_step="Compare the two plans; apply the one that was approved, or have this one approved.",
        )


def check_loop(plan: Plan, loop: Loop | None) -> None:
    """No living loop of other profiles on this state: it would plan back what this plan does. Raises LoopAlive."""
    if loop is None or dict(loop.profiles) == {profile.name: profile.sha256 for profile in plan.profiles}:
        return
    kept = ", ".join(sorted(loop.profiles)) or "profiles that cannot be read"
    raise LoopAlive(
        f"A control loop of {loop.user} (PID {loop.pid}) keeps this state by {kept}",
        detail="This plan was made from other profiles, so the loop would undo it in its next cycle.",
        next_step="Give the loop the new profiles, or stop it first; a plan from its own profiles can be applied.",
    )


def check_world(
    plan: Plan,
    state: State,
    observation: Observation,
    expected: Expectations,
    *,
    node_file: NodeFile = NO_NODE_FILE,
    neighbours: Neighbours = NOBODY,
) -> None:
    """The checks against the machine, the state and the clock. Raises PlanRefused; nothing was touched."""
    _check_machine(plan, state, observation)
    _check_probation(plan, state, observation)
    _check_age(plan, observation, expected)
    _check_lineage(plan, state)
    policies = {(profile.name, policy.name): policy for profile in plan.profiles for policy in profile.policies}
    for change in plan.changes:
        if change.type is not ResourceType.GPU:
            _check_record(change, plan, state)
            check_action(change, policies, observation, node_file, neighbours)
            continue
        gpu = _check_gpu(change, observation)
        _check_record(change, plan, state)
        record = state.managed.gpus.get(gpu.identity.uuid) or ManagedGpu(identity=gpu.identity)
        for name in change.before:
            _check_before(change, name, gpu, record)
        for name in change.settings:
            _check_limits(name, change.after[name], gpu)
        for step in change.holds:
            _check_reason(step, policies.get((step.profile, step.policy)), gpu)


def _check_machine(plan: Plan, state: State, observation: Observation) -> None:
    here = observation.node.identity
    if (plan.origin is Origin.SIMULATED) != (observation.origin is Origin.SIMULATED):
        planned, present = (
            ("a simulated machine", "real hardware")
            if plan.origin is Origin.SIMULATED
            else ("real hardware", "a simulated machine")
        )
        raise WrongMachine(f"This plan was made on {planned} and this is {present}", next_step=PLAN_AGAIN)
    uuids_planned = {gpu.identity.uuid for gpu in plan.gpus}
    uuids_here = {gpu.identity.uuid for gpu in observation.gpus}
    if is_other_machine(plan.node.identity, here, gpus_of_one=uuids_planned, gpus_of_other=uuids_here):
        raise WrongMachine(
            f"This plan was made on {plan.node.identity.hostname} and this is {here.hostname}",
            detail=f"Planned on machine {plan.node.identity.machine_id}, this is {here.machine_id}.",
            next_step="Apply it there, or plan here.",
        )
    try:
        check_state_is_here(state, observation)
    except StateElsewhere as elsewhere:
        raise WrongMachine(elsewhere.summary, detail=elsewhere.detail, next_step=elsewhere.next_step) from None


def _check_probation(plan: Plan, state: State, observation: Observation) -> None:
    """What waits for its confirmation must stay undoable, so nothing but its rollback is applied on top of it."""
    probation = state.managed.probation
    if probation is None or plan.mode is Mode.ROLLBACK:
        return
    left = format_duration(probation.due_at.seconds_since(observation.taken_at))
    raise OnProbation(
        f"The last apply, by {probation.user}, waits for its confirmation for {left} more",
        next_step="Run esnode confirm to keep it, or esnode rollback to undo it now.",
    )


def _check_age(plan: Plan, observation: Observation, expected: Expectations) -> None:
    now = observation.taken_at.at
    expires = plan.expires_at
    if expected.max_age is not None:
        expires = min(expires, plan.timestamp + expected.max_age)
    if now > expires:
        age = format_duration((now - plan.timestamp).total_seconds())
        over = format_duration((now - expires).total_seconds())
        raise PlanExpired(f"This plan is {age} old and expired {over} ago", next_step=PLAN_AGAIN)


def _check_lineage(plan: Plan, state: State) -> None:
    if plan.prior_state.lineage == state.lineage or (plan.prior_state.serial == 0 and state.serial == 0):
        return
    raise StalePlan(
        "This plan was made from another state file",
        detail=f"The plan's lineage is {plan.prior_state.lineage}, the state's is {state.lineage}.",
        next_step="Name the right state with -state PATH, or plan again with this one.",
    )


def _check_gpu(change: Change, observation: Observation) -> ObservedGpu:
    gpu = observation.gpu(change.gpu.uuid) if change.gpu else None
    if gpu is None:
        raise StalePlan(f"{change.address} is not in this machine", next_step=PLAN_AGAIN)
    if gpu.failure:
        raise StalePlan(f"{gpu.identity.label} cannot be read: {gpu.failure.in_words()}", next_step=PLAN_AGAIN)
    if change.session and change.session != gpu.session:
        raise StalePlan(
            f"The driver of {gpu.identity.label} was restarted since the plan was made",
            detail="What was set before then is gone, so the plan's before values no longer hold.",
            next_step=PLAN_AGAIN,
        )
    return gpu


def _check_record(change: Change, plan: Plan, state: State) -> None:
    if record_digest(state, change) == plan.prior_state.records.get(change.address, ""):
        return
    raise StalePlan(
        "Saved plan is stale",
        detail=f"What esnode manages under {change.address} was changed by another operation since the plan was made.",
        next_step=PLAN_AGAIN,
    )


def _check_before(change: Change, name: str, gpu: ObservedGpu, record: ManagedGpu) -> None:
    setting = SETTINGS[name]
    planned = change.after[name] if change.reason is Cause.ACCEPT_DRIFT else change.before[name]
    if not setting.readable:
        managed = record.settings.get(name)
        present = managed.applied if managed and managed.session == gpu.session else None
    else:
        reading = gpu.setting(name)
        if isinstance(reading, Missing):
            raise StalePlan(
                f"The {setting.title} of {gpu.identity.label} cannot be read: {reading.in_words()}",
                next_step=PLAN_AGAIN,
            )
        present = reading
    if not setting.is_same(present, planned):
        raise StalePlan(
            f"The {setting.title} of {gpu.identity.label} is {setting.show(present)} now, "
            f"the plan was made at {setting.show(planned)}",
            detail="Somebody changed it since the plan was made.",
            next_step=PLAN_AGAIN,
        )


def _check_limits(name: str, value: SettingValue, gpu: ObservedGpu) -> None:
    setting, limits = SETTINGS[name], gpu.limits
    if name == POWER_LIMIT and isinstance(value, float | int):
        lowest, highest = limits.power_min_watts, limits.power_max_watts
        if not isinstance(lowest, Missing) and not isinstance(highest, Missing) and not lowest <= value <= highest:
            raise StalePlan(
                f"{setting.show(value)} is outside the power limits of {gpu.identity.label}",
                detail=f"This board takes {setting.show(lowest)} to {setting.show(highest)}.",
                next_step=PLAN_AGAIN,
            )
    if name in (GRAPHICS_CLOCK, MEMORY_CLOCK) and isinstance(value, ClockRange):
        clocks = limits.graphics_clocks_mhz if name == GRAPHICS_CLOCK else limits.memory_clocks_mhz
        if isinstance(clocks, Missing) or value.min not in clocks or value.max not in clocks:
            raise StalePlan(
                f"{setting.show(value)} is not a clock that {gpu.identity.label} supports", next_step=PLAN_AGAIN
            )


def _check_reason(step: HoldStep, policy: Policy | None, gpu: ObservedGpu) -> None:
    """What the step rests on must still hold when its metric is read again; an event cannot be read again."""
    if step.cause not in (Cause.POLICY, Cause.RELEASED):
        return
    is_release = step.cause is Cause.RELEASED
    if policy is None:
        raise StalePlan(
            f"The plan steps a hold of {step.profile}/{step.policy}, and holds no such policy", next_step=PLAN_AGAIN
        )
    if metric(policy.target).loop_only:
        return
    value = reading_of(metric(policy.target), gpu)
    what = f"policy {step.profile}/{step.policy} on {gpu.identity.label}"
    if isinstance(value, Missing):
        raise StalePlan(f"{policy.target}, on which {what} rests, cannot be read: {value.in_words()}")
    if is_release and policy.condition.is_true(value):
        raise StalePlan(
            f"The plan gives back what {what} holds, and its condition is true again",
            detail=f"{policy.target} is {value:g}, the condition is {policy.condition}.",
            next_step=PLAN_AGAIN,
        )
    if not is_release and release_condition(policy)(value):
        raise StalePlan(
            f"What {what} acts on is over",
            detail=f"{policy.target} is {value:g}, the condition is {policy.condition}.",
            next_step=PLAN_AGAIN,
        )
