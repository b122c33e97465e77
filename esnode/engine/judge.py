"""One policy on one GPU at one moment: true for how long, near the limit, to be released?

Nothing here acts. `judge` is a pure function; time is the time of the observation.
"""

from __future__ import annotations

from esnode.engine.criterion import Criterion
from esnode.model.hardware import Moment, ObservedGpu, Session
from esnode.model.metrics import Metric
from esnode.model.profile import KillProcess, MigratePod, Policy, Release
from esnode.model.readings import NOT_READ, Missing, Reading
from esnode.model.state import Hold, PolicyClock, Rest
from esnode.model.verdict import Status
from esnode.records import dataclass, replace
from esnode.units import format_duration

SHORTEST_GAP = 90.0
"""Seconds between two observations that never break a clock."""

SHORTEST_SETTLE = 30.0
"""Seconds between two steps of a power limit, at least."""

SHORTEST_KILL_REST = 60.0
"""Seconds in which the end of one process may show in the metric, at least."""

SHORTEST_RAISE_WAIT = 60.0
LONGEST_RAISE_WAIT = 1800.0
LONGEST_LOCK_DURATION = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`reason` is a sentence. `waited` is how long the condition or the release has been true, in seconds."""

    status: Status
    value: Reading[float]
    reason: str
    clock: PolicyClock
    waited: float = 0.0


def judge(
    criterion: Criterion,
    gpu: ObservedGpu,
    *,
    now: Moment,
    clock: PolicyClock | None,
    hold: Hold | None,
    rest: Rest | None,
) -> Judgement:
    """How a policy stands on `gpu`. A metric that is missing decides first: then nothing is known.

    `hold` is the policy's effect that is in force on this GPU, `rest` what is remembered of the last one.
    """
    policy, value = criterion.policy, reading_of(criterion.row, gpu)
    if isinstance(value, Missing):
        nothing_known = PolicyClock(seen_at=now, session=gpu.session)
        reason = f"{policy.target} is missing: {value.in_words()}."
        return Judgement(status=Status.UNKNOWN, value=value, reason=reason, clock=nothing_known)
    is_true = criterion.is_true(value)
    required = required_duration(policy, rest) if rest else criterion.required
    clock = _advance(
        _since_kill(criterion, clock, rest) if clock else None,
        gpu.session,
        now,
        is_true=is_true,
        may_release=not is_true and criterion.may_release(value),
        required=required,
    )
    if is_true:
        judged = _judge_true(criterion, value, now, clock, required, is_held=hold is not None)
        return _rested(judged, policy, now, rest) if criterion.is_kill and rest else judged
    if hold:
        return _judge_held(criterion, value, now, clock, hold)
    status, reason = criterion.at_rest(value)
    return Judgement(status=status, value=value, reason=reason, clock=clock)


def reading_of(row: Metric, gpu: ObservedGpu) -> Reading[float]:
    """The metric as it stands in this observation; where it does not, why."""
    value = gpu.metric(row.name)
    if isinstance(value, Missing) and value == NOT_READ:
        return replace(value, detail=row.loop_only or row.outside)
    return value


def required_duration(policy: Policy, rest: Rest | None) -> float:
    """Seconds the condition must be true before the action: longer after a lock that was given back too soon."""
    return max(policy.duration_seconds, rest.required_seconds if rest else 0.0)


def kill_rest(kill: KillProcess, duration_seconds: float) -> float:
    """Seconds after a process was ended before the policy ends another on the same GPU."""
    return max(duration_seconds, kill.grace_period_seconds, SHORTEST_KILL_REST)


def longest_gap(required: float) -> float:
    """Seconds between two observations after which a clock starts anew: nobody watched in between."""
    return max(1.1 * required, SHORTEST_GAP)


def is_released_by_itself(policy: Policy) -> bool:
    """Pods must not come back to a node that cooled down because they left, so a drain stays unless told otherwise."""
    return not isinstance(policy.action, MigratePod) or policy.release != Release()


def settle_time(policy: Policy) -> float:
    """Seconds after a step of a power limit before the next one down."""
    return max(policy.duration_seconds, SHORTEST_SETTLE)


def first_raise_wait(policy: Policy) -> float:
    """Seconds a release must hold before the first step up."""
    if policy.release.duration_seconds is not None:
        return policy.release.duration_seconds
    return max(policy.duration_seconds, SHORTEST_RAISE_WAIT)


def release_duration(policy: Policy, hold: Hold) -> float:
    """Seconds the release condition must hold: work that arrives must never meet a locked idle clock."""
    match policy.action.type:
        case "throttle_power":
            return hold.raise_wait
        case "lock_clock":
            return policy.release.duration_seconds or 0.0
        case _:
            return first_raise_wait(policy)


def _since_kill(criterion: Criterion, clock: PolicyClock, rest: Rest | None) -> PolicyClock:
    """The clock, which a kill starts anew: what was true before it says nothing of what is true after it."""
    if not (criterion.is_kill and rest and clock.true_since):
        return clock
    return replace(clock, true_since=None) if clock.true_since.at <= rest.ended_at.at else clock


def _rested(judged: Judgement, policy: Policy, now: Moment, rest: Rest) -> Judgement:
    """The judgement, PENDING for as long as a kill_process rests."""
    if not (isinstance(policy.action, KillProcess) and judged.status is Status.ACTIVE):
        return judged
    rested, needed = now.seconds_since(rest.ended_at), kill_rest(policy.action, policy.duration_seconds)
    if rested >= needed:
        return judged
    ago, whole = format_duration(rested), format_duration(needed)
    reason = f"{judged.reason} A process was ended {ago} ago; this policy rests for {whole}."
    return replace(judged, status=Status.PENDING, reason=reason)


def _advance(
    clock: PolicyClock | None, session: Session, now: Moment, *, is_true: bool, may_release: bool, required: float
) -> PolicyClock:
    """The clock after this observation. A clock that leads to an action does not survive a gap in the watching."""
    true_since = release_since = None
    if clock and clock.session == session:
        release_since = clock.release_since
        if now.seconds_since(clock.seen_at) <= longest_gap(required):
            true_since = clock.true_since
    return PolicyClock(
        seen_at=now,
        session=session,
        true_since=(true_since or now) if is_true else None,
        release_since=(release_since or now) if may_release else None,
    )


def _judge_true(
    criterion: Criterion, value: float, now: Moment, clock: PolicyClock, required: float, *, is_held: bool
) -> Judgement:
    waited = now.seconds_since(clock.true_since) if clock.true_since else 0.0
    sentence = criterion.compare_in_words(value)
    if waited >= required:
        since = f" for {format_duration(waited)}" if required else ""
        return Judgement(status=Status.ACTIVE, value=value, reason=f"{sentence}{since}.", clock=clock, waited=waited)
    progress = f"true for {format_duration(waited)} of {format_duration(required)}"
    watching = f"sample at least every {format_duration(longest_gap(required))}"
    status = Status.HOLDING if is_held else Status.PENDING
    reason = f"{sentence}: {progress}; {watching}."
    return Judgement(status=status, value=value, reason=reason, clock=clock, waited=waited)


def _judge_held(criterion: Criterion, value: float, now: Moment, clock: PolicyClock, hold: Hold) -> Judgement:
    policy, sentence = criterion.policy, criterion.compare_in_words(value)
    if clock.release_since is None or not is_released_by_itself(policy):
        return Judgement(status=Status.HOLDING, value=value, reason=f"{sentence}: not released yet.", clock=clock)
    waited = now.seconds_since(clock.release_since)
    if policy.action.type == "throttle_power":
        waited = min(waited, now.seconds_since(hold.last_step_at))
    required = release_duration(policy, hold)
    if waited >= required:
        return Judgement(
            status=Status.RELEASING, value=value, reason=f"{sentence}: released.", clock=clock, waited=waited
        )
    progress = f"to be released, {format_duration(waited)} of {format_duration(required)}"
    return Judgement(status=Status.HOLDING, value=value, reason=f"{sentence}: {progress}.", clock=clock, waited=waited)
