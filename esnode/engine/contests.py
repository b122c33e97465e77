"""Settings that some other program keeps changing back: re-applied with growing pauses, never in a tight loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from esnode.model.hardware import Moment
from esnode.model.plan import Change, Drift, DriftCause, Plan, ResourceType
from esnode.model.profile import Severity
from esnode.model.readings import Reading
from esnode.model.report import ApplyReport, Result
from esnode.model.settings import ReadableValue, SettingValue
from esnode.records import dataclass, replace

FIRST_PAUSE: Final = 30.0
LONGEST_PAUSE: Final = 600.0
LONGEST_CRITICAL_PAUSE: Final = 60.0
"""Seconds. What a critical policy wants is not given up to another program for longer than that."""

OVER_AFTER: Final = 1200.0
"""Seconds without a change by somebody else after which it counts as over."""

RAISED_AT: Final = 2
"""How often a setting must have been changed back before somebody is told: once happens."""

Address = tuple[str, str]
"""The address of a GPU, and the name of a setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """One setting that was changed back. `count` is how often since `since`; `pause` how long it is left alone.

    `corrected_at` is when it was last written, `is_corrected` whether that was after it was last seen to differ;
    `found` is what the other program had set.
    """

    count: int
    since: Moment
    seen_at: Moment
    pause: float
    wanted: SettingValue
    found: SettingValue
    corrected_at: Moment | None = None
    is_corrected: bool = False

    @property
    def is_raised(self) -> bool:
        return self.count >= RAISED_AT

    def is_resting(self, now: Moment) -> bool:
        return self.corrected_at is not None and now.seconds_since(self.corrected_at) < self.pause


Contests = Mapping[Address, Contest]


def observe_drift(contests: Contests, plan: Plan, now: Moment) -> Contests:
    """The contests after a plan was made: a setting that was corrected and drifted again counts once more.

    Drift that stays while it is left alone counts once.
    """
    present = {**contests}
    for address, drift, setting in _fought(plan):
        known = present.get((address, setting))
        found = _value(drift.after[setting])
        if known is None:
            known = Contest(count=1, since=now, seen_at=now, pause=0.0, wanted=None, found=found)
        elif known.is_corrected:
            count = known.count + 1
            pause = FIRST_PAUSE * 2.0 ** min(count - RAISED_AT, 30)
            known = replace(known, count=count, pause=min(pause, _longest(plan, drift, setting)))
        known = replace(known, seen_at=now, is_corrected=False, found=found)
        present[(address, setting)] = replace(known, wanted=_wanted(plan, address, setting, drift))
    return {key: contest for key, contest in present.items() if now.seconds_since(contest.seen_at) < OVER_AFTER}


def resting(contests: Contests, now: Moment) -> frozenset[Address]:
    """The settings that are left alone for now."""
    return frozenset(key for key, contest in contests.items() if contest.is_resting(now))


def corrected(contests: Contests, report: ApplyReport, now: Moment) -> Contests:
    """The contests after an apply: what was written of them was corrected now."""
    written = {(step.address, step.setting) for step in report.steps if step.result is Result.APPLIED}
    settled = {key: replace(contest, corrected_at=now, is_corrected=True) for key, contest in contests.items()}
    return {key: settled[key] if key in written else contest for key, contest in contests.items()}


def _fought(plan: Plan) -> Iterable[tuple[str, Drift, str]]:
    for drift in plan.drift:
        if drift.cause is DriftCause.EXTERNAL:
            yield from ((drift.address, drift, setting) for setting in drift.before)


def _change(plan: Plan, address: str) -> Change | None:
    return next((item for item in plan.changes if item.type is ResourceType.GPU and item.address == address), None)


def _wanted(plan: Plan, address: str, setting: str, drift: Drift) -> SettingValue:
    change = _change(plan, address)
    return change.after[setting] if change and setting in change.after else drift.before[setting]


def _longest(plan: Plan, drift: Drift, setting: str) -> float:
    """By whose will the setting was applied: a rest must not depend on what this plan, which keeps it, would do."""
    applied = drift.applied.get(setting)
    profile = next((item for item in plan.profiles if applied and item.name == applied.profile), None)
    policy = profile.policy(applied.policy) if profile and applied else None
    return LONGEST_CRITICAL_PAUSE if policy and policy.severity is Severity.CRITICAL else LONGEST_PAUSE


def _value(reading: Reading[ReadableValue]) -> SettingValue:
    return reading if isinstance(reading, bool | float | int | str) else None
