"""What an ACTIVE or RELEASING policy wants a setting to be: the next step of its hold."""

from __future__ import annotations

from functools import lru_cache

from esnode.engine.judge import (
    LONGEST_LOCK_DURATION,
    LONGEST_RAISE_WAIT,
    Judgement,
    first_raise_wait,
    required_duration,
    settle_time,
)
from esnode.model.hardware import Limits, Moment
from esnode.model.plan import Cause, HoldStep, Step
from esnode.model.profile import LockClock, Policy, ThrottlePower
from esnode.model.readings import Missing
from esnode.model.settings import GRAPHICS_CLOCK, POWER_LIMIT, ClockRange, SettingValue
from esnode.model.state import Direction, Hold, Rest
from esnode.model.verdict import Status
from esnode.records import dataclass, replace
from esnode.units import format_duration, format_number

REMEMBERED = 1800.0
"""Seconds for which a released power hold's raise wait is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a policy wants of one setting now.

    `value` is the hold after this plan, None when it ends or never began; `step` what changes about it,
    None when nothing does. `preview` is what a PENDING policy would make of the setting. `note` completes
    the verdict's reason, `obstacle` says why nothing can be done.
    """

    setting: str
    asked: SettingValue
    value: SettingValue
    step: HoldStep | None = None
    preview: SettingValue = None
    note: str = ""
    obstacle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a wish is made from. `desired` is the setting before this plan's step, `base` without any hold.

    `stepped_at` is when a policy last stepped this setting, whichever it was: one step's effect must show
    before anybody takes the next.
    """

    profile: str
    policy: Policy
    judgement: Judgement
    limits: Limits
    now: Moment
    hold: Hold | None
    rest: Rest | None
    base: SettingValue
    desired: SettingValue
    observed: SettingValue
    stepped_at: Moment | None = None


def wish(context: Context) -> Wish:
    """The next step of a policy that writes a setting. Planning twice never steps twice: only apply moves a hold."""
    if context.judgement.status is Status.PENDING:
        active = wish(replace(context, judgement=replace(context.judgement, status=Status.ACTIVE)))
        return replace(active, value=None, step=None, preview=active.value)
    match context.policy.action:
        case ThrottlePower() as throttle:
            return _throttle(context, throttle)
        case LockClock() as lock:
            return _lock(context, lock)
        case _:
            raise ValueError(f"{context.policy.action.type} does not write a setting")


def _throttle(context: Context, throttle: ThrottlePower) -> Wish:
    match context.judgement.status:
        case Status.ACTIVE:
            return _throttle_down(context, throttle)
        case Status.RELEASING if context.hold:
            return _throttle_up(context, throttle, context.hold)
        case _:
            return _keep(context, POWER_LIMIT)


def _throttle_down(context: Context, throttle: ThrottlePower) -> Wish:
    present = _lower(context.desired, context.observed)
    if present is None:
        obstacle = "the power limit of this GPU cannot be read, so it is not touched"
        return Wish(setting=POWER_LIMIT, asked=None, value=None, obstacle=obstacle)
    hold = context.hold
    if context.stepped_at:
        settled = context.now.seconds_since(context.stepped_at)
        settle = settle_time(context.policy)
        if settled < settle:
            note = f"Stepped {format_duration(settled)} ago; the next step comes after {format_duration(settle)}."
            return _keep(context, POWER_LIMIT, note)
    asked = present - throttle.step_watts
    floor = max(throttle.min_watts, _number(context.limits.power_min_watts, throttle.min_watts))
    value = min(present, max(floor, asked))
    note = ""
    if value >= present:
        note = f"The power limit is at its floor of {format_number(floor)} W; it goes no lower."
        if not _is_less(present, context.desired):
            return _keep(context, POWER_LIMIT, note)
        # What is there is lower than what would be wanted without this hold: the hold keeps it down.
    raise_wait = _raise_wait_after_step_down(context)
    step = _step(context, Step.DOWN if hold else Step.START, value, POWER_LIMIT, raise_wait=raise_wait)
    return Wish(setting=POWER_LIMIT, asked=asked, value=value, step=step, note=note)


def _raise_wait_after_step_down(context: Context) -> float:
    """Doubled when a step up was answered by a step down soon after: the way up was too fast."""
    first = first_raise_wait(context.policy)
    hold, rest, now = context.hold, context.rest, context.now
    if hold:
        wait, raised_at = hold.raise_wait, hold.last_step_at if hold.last_step is Direction.UP else None
    elif rest and rest.raise_wait and now.seconds_since(rest.ended_at) <= REMEMBERED:
        wait, raised_at = rest.raise_wait, rest.ended_at
    else:
        return first
    if raised_at and now.seconds_since(raised_at) <= 2 * wait:
        wait *= 2
    return min(wait, max(LONGEST_RAISE_WAIT, first))


def _throttle_up(context: Context, throttle: ThrottlePower, hold: Hold) -> Wish:
    asked = _number(hold.value, 0.0) + throttle.step_watts
    base = context.base
    if not isinstance(base, float | int) or asked >= base:
        step = _step(context, Step.END, None, POWER_LIMIT, raise_wait=hold.raise_wait)
        return Wish(setting=POWER_LIMIT, asked=base, value=None, step=step, note="The limit goes back to its base.")
    step = _step(context, Step.UP, asked, POWER_LIMIT, raise_wait=hold.raise_wait)
    return Wish(setting=POWER_LIMIT, asked=asked, value=asked, step=step)


def _lock(context: Context, lock: LockClock) -> Wish:
    hold = context.hold
    if context.judgement.status is Status.RELEASING and hold:
        lasted = context.now.seconds_since(hold.since)
        # A light load looks busier at a low clock: a lock that was set too eagerly takes twice as long to come back.
        doubled = min(2 * hold.required_seconds, LONGEST_LOCK_DURATION)
        too_soon = lasted < hold.required_seconds
        step = _step(context, Step.END, None, GRAPHICS_CLOCK, required_seconds=doubled if too_soon else 0.0)
        return Wish(setting=GRAPHICS_CLOCK, asked=None, value=None, step=step)
    if context.judgement.status is not Status.ACTIVE:
        return _keep(context, GRAPHICS_CLOCK)
    clocks = context.limits.graphics_clocks_mhz
    if isinstance(clocks, Missing) or not clocks:
        obstacle = "the clocks that this GPU supports cannot be read, so none is locked"
        return Wish(setting=GRAPHICS_CLOCK, asked=None, value=hold.value if hold else None, obstacle=obstacle)
    clock = nearest(lock.frequency_mhz, clocks)
    value = ClockRange(min=clock, max=clock)
    required = required_duration(context.policy, context.rest)
    note = (
        ""
        if clock == lock.frequency_mhz
        else (f"{format_number(lock.frequency_mhz)} MHz is not a clock of this GPU; the nearest is {clock} MHz.")
    )
    if hold and hold.value == value:
        return _keep(context, GRAPHICS_CLOCK, note)
    step = _step(context, Step.CHANGE if hold else Step.START, value, GRAPHICS_CLOCK, required_seconds=required)
    return Wish(setting=GRAPHICS_CLOCK, asked=lock.frequency_mhz, value=value, step=step, note=note)


@lru_cache(maxsize=1024)
def nearest(wanted: float, supported: tuple[int, ...]) -> int:
    """The supported clock nearest to `wanted`, the lower of two equally near."""
    return min(supported, key=lambda clock: (abs(clock - wanted), clock))


def _keep(context: Context, setting: str, note: str = "") -> Wish:
    value = context.hold.value if context.hold else None
    return Wish(setting=setting, asked=value, value=value, note=note)


def _step(
    context: Context,
    step: Step,
    after: SettingValue,
    setting: str,
    *,
    raise_wait: float = 0.0,
    required_seconds: float = 0.0,
) -> HoldStep:
    return HoldStep(
        profile=context.profile,
        policy=context.policy.name,
        action=context.policy.action.type,
        setting=setting,
        step=step,
        cause=Cause.RELEASED if step in (Step.UP, Step.END) else Cause.POLICY,
        before=context.hold.value if context.hold else None,
        after=after,
        raise_wait=raise_wait,
        required_seconds=required_seconds,
    )


def _lower(one: SettingValue, other: SettingValue) -> float | None:
    values = [value for value in (one, other) if isinstance(value, float | int) and not isinstance(value, bool)]
    return min(values) if values else None


def _is_less(value: float, other: SettingValue) -> bool:
    return isinstance(other, float | int) and value < other


def _number(value: object, otherwise: float) -> float:
    return value if isinstance(value, float | int) else otherwise
