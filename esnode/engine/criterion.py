"""What judging needs of a policy, worked out once: it is the same on every GPU.

A machine has few policies and a fleet has many GPUs, so what is done here is done once, and what `judge` does is done
hundreds of thousands of times.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from esnode import wire
from esnode.model.metrics import Metric, metric
from esnode.model.profile import Condition, KillProcess, LockClock, Operator, Policy, Profile, ThrottlePower
from esnode.model.settings import GRAPHICS_CLOCK, POWER_LIMIT
from esnode.model.state import hold_key
from esnode.model.verdict import Status
from esnode.records import dataclass, field

NEAR_LIMIT = 0.10
"""Within this share of the limit on the safe side, a policy is MONITORING."""

RELEASE_MARGIN = 0.05
"""How far back behind its limit a value must be before a power limit may rise again."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Criterion:
    """One policy of one profile, ready to be judged.

    `key` names its holds and `setting` is what its action writes, None for actions on other resources. `is_true` and
    `may_release` say it of a value of `row`; the latter counts where the former does not. `required` are the seconds
    for which the condition must be true, `limit` is the condition as text. `clocks` are the two ends of the name of a
    GPU's clock.
    """

    profile: Profile
    policy: Policy
    row: Metric
    key: str
    setting: str | None
    is_true: Callable[[float], bool]
    may_release: Callable[[float], bool]
    required: float
    is_kill: bool
    limit: str
    clocks: tuple[str, str]
    _opening: str
    _ending: str
    _near: float
    _resting: dict[float, tuple[Status, str]] = field(default_factory=dict)

    def clock_key(self, gpu: str) -> str:
        """Where the clock of the policy on this GPU is kept. An edited target or condition starts a new one."""
        return f"{self.clocks[0]}{gpu}{self.clocks[1]}"

    def compare_in_words(self, value: float) -> str:
        """`Current Util (99%) > Threshold (5%)`: how the value really stands to the limit."""
        limit = self.policy.condition.limit
        sign = ">" if value > limit else "<" if value < limit else "="
        return f"{self._opening}{self.row.show(value)}) {sign} {self._ending}"

    def at_rest(self, value: float) -> tuple[Status, str]:
        """How a policy stands whose condition is not true and which holds nothing; GPUs of one value share the text."""
        found = self._resting.get(value)
        if found is None:
            found = self._resting[value] = self._judge_at_rest(value)
        return found

    def _judge_at_rest(self, value: float) -> tuple[Status, str]:
        if abs(value - self.policy.condition.limit) <= self._near:
            return Status.MONITORING, f"{self._opening}{self.row.show(value)}) is approaching {self._ending}."
        return Status.SKIPPED, f"{self.compare_in_words(value)}."


def criterion_of(profile: Profile, policy: Policy) -> Criterion:
    """`policy` of `profile`, ready to be judged. Raises KeyError for a target that does not exist."""
    condition, row = policy.condition, metric(policy.target)
    return Criterion(
        profile=profile,
        policy=policy,
        row=row,
        key=hold_key(profile.name, policy.name),
        setting=setting_of(policy),
        is_true=condition.is_true,
        may_release=release_condition(policy),
        required=max(policy.duration_seconds, 0.0),
        is_kill=isinstance(policy.action, KillProcess),
        limit=str(condition),
        clocks=(f"{hold_key(profile.name, policy.name)}@", f"#{_subject(policy.target, condition)}"),
        _opening=f"Current {row.title} (",
        _ending=f"{_limit_word(condition)} ({row.show(condition.limit)})",
        _near=_near(condition),
    )


def setting_of(policy: Policy) -> str | None:
    """The setting that a policy's action writes; None for actions on other resources."""
    match policy.action:
        case ThrottlePower():
            return POWER_LIMIT
        case LockClock():
            return GRAPHICS_CLOCK
        case _:
            return None


def release_condition(policy: Policy) -> Callable[[float], bool]:
    """When a hold may be given back: as written, else with a margin for power limits, else when not true."""
    written = policy.release.condition
    if written:
        return written.is_true
    condition = policy.condition
    if isinstance(policy.action, ThrottlePower) and (condition.op.is_upper or condition.op.is_lower):
        margin = abs(condition.limit) * RELEASE_MARGIN
        op = Operator.LESS_EQUAL if condition.op.is_upper else Operator.GREATER_EQUAL
        return Condition(op=op, limit=condition.limit + (-margin if condition.op.is_upper else margin)).is_true
    is_true = condition.is_true
    return lambda value: not is_true(value)


def _near(condition: Condition) -> float:
    """How near the limit is near. Has no meaning for `=`, `!=` and a limit of 0: nothing is."""
    has_side = condition.op.is_upper or condition.op.is_lower
    return NEAR_LIMIT * abs(condition.limit) if has_side and condition.limit != 0 else -1.0


def _limit_word(condition: Condition) -> str:
    """The specification says "Limit" of an upper bound and "Threshold" of a lower one."""
    return "Threshold" if condition.op.is_lower else "Limit"


@lru_cache(maxsize=1024)
def _subject(target: str, condition: Condition) -> str:
    return wire.digest([target, str(condition)])[:12]
