"""Rules that a plan must keep: what it may not do, how much it may touch, how far it may move power.

The same rules at plan time and at apply time, over one plan or over those of many machines: `measure` each plan,
add the measures up, and `broken_rules` says which rules the sum breaks. Pure functions, and a measure stays small
whatever it was taken of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from esnode.diagnostics import Diagnostic, error
from esnode.errors import BadValue, PlanDenied
from esnode.model.plan import Cause, Change, Operation, Plan, ResourceType, Step
from esnode.model.profile import Alert, KillProcess, LockClock, MigratePod, ThrottlePower
from esnode.model.settings import POWER_LIMIT, SETTINGS
from esnode.records import dataclass, field
from esnode.units import format_number

OPERATIONS: Final = tuple(
    operation.value for operation in (Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.FORGET)
)
ACTIONS: Final = tuple(kind.type for kind in (ThrottlePower, LockClock, Alert, KillProcess, MigratePod))
WORDS: Final = (*OPERATIONS, *ACTIONS)
"""What can be denied: Terraform's words for operations, and the actions of a profile."""

_SHOWN: Final = 5
"""How many changes an error names; the others are counted."""

_BEGUN_BY_TYPE: Final = {
    (ResourceType.ALERT, Operation.CREATE): Alert.type,
    (ResourceType.ALERT, Operation.UPDATE): Alert.type,
    (ResourceType.PROCESS, Operation.DELETE): KillProcess.type,
    (ResourceType.NODE, Operation.CREATE): MigratePod.type,
    (ResourceType.NODE, Operation.UPDATE): MigratePod.type,
}
_WANTING: Final = (Cause.POLICY, Cause.DRIFT, Cause.REASSERT)
_BEGINNING: Final = (Step.START, Step.DOWN, Step.CHANGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the caller allows. `deny` holds WORDS; None is no limit. Watts."""

    deny: tuple[str, ...] = ()
    max_changes: int | None = None
    max_watts_delta: float | None = None


NO_RULES: Final = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Changes that were counted, and the first few of them in words."""

    count: int = 0
    first: tuple[str, ...] = ()

    def __add__(self, other: Named) -> Named:
        return Named(count=self.count + other.count, first=(*self.first, *other.first)[:_SHOWN])

    def __str__(self) -> str:
        """One line each, for an error's detail."""
        more = self.count - len(self.first)
        return "\n".join([*self.first, *([f"and {more} more"] if more else [])])


NONE_NAMED: Final = Named()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What rules are held against: changes by denied word, all changes, and how far power limits move.

    `unknown` are changes of a power limit of which nobody can say how far they go.
    """

    denied: Mapping[str, Named] = field(default_factory=dict)
    changes: Named = NONE_NAMED
    watts: float = 0.0
    moves: Named = NONE_NAMED
    unknown: Named = NONE_NAMED

    def __add__(self, other: Measure) -> Measure:
        words = {**self.denied, **other.denied}
        return Measure(
            denied={word: self.denied.get(word, NONE_NAMED) + other.denied.get(word, NONE_NAMED) for word in words},
            changes=self.changes + other.changes,
            watts=self.watts + other.watts,
            moves=self.moves + other.moves,
            unknown=self.unknown + other.unknown,
        )


NOTHING_MEASURED: Final = Measure()


def parse_deny(text: str) -> tuple[str, ...]:
    """`delete,kill_process` as words. Raises BadValue, with the nearest word, for one that is none.

    An empty text is an error, too: a variable that was not set must not open a gate.
    """
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in WORDS:
            raise BadValue(f'"{word}" cannot be denied', next_step=_nearest(word))
    return words


def _nearest(word: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), WORDS, n=1)
    listed = f"What can be: {', '.join(WORDS)}."
    return f'Did you mean "{near[0]}"? {listed}' if near else listed


def measure(plan: Plan, rules: Rules, *, node: str = "") -> Measure:
    """What `rules` ask of one plan. `node` is put before each change, where there are several plans."""
    kinds = action_types(plan)
    total = NOTHING_MEASURED
    for change in plan.changes:
        total += _measure_change(change, rules, kinds, f"{node}: " if node else "")
    return total


def broken_rules(measured: Measure, rules: Rules, *, subject: str = "This plan") -> tuple[Diagnostic, ...]:
    """An error for each rule that is broken, with the changes, the value and the limit."""
    return tuple(_broken(measured, rules, subject))


def check_rules(plan: Plan, rules: Rules) -> None:
    """Raises PlanDenied, with an error for each rule that the plan breaks."""
    broken = broken_rules(measure(plan, rules), rules)
    if broken:
        raise PlanDenied("; ".join(rule.summary for rule in broken), problems=broken)


def action_types(plan: Plan) -> Mapping[tuple[str, str], str]:
    """The action types of the plan's policies, by profile and policy."""
    return {(profile.name, policy.name): policy.action.type for profile in plan.profiles for policy in profile.policies}


def actions_of(change: Change, kinds: Mapping[tuple[str, str], str]) -> frozenset[str]:
    """The actions that a change carries out, by `action_types`. Giving back is none: releases, resolves, uncordons."""
    by_type = {_BEGUN_BY_TYPE.get((change.type, operation), "") for operation in change.actions}
    if change.type is not ResourceType.GPU or change.reason is Cause.ACCEPT_DRIFT:
        return frozenset(by_type - {""})
    wanted = {kinds.get((why.profile, why.policy), "") for why in change.because.values() if why.cause in _WANTING}
    stepped = {step.action for step in change.holds if step.step in _BEGINNING}
    return frozenset((wanted | stepped) - {""})


def watts_moved(change: Change) -> float | None:
    """How far a change moves its GPU's power limit, up or down. None when that cannot be said."""
    if POWER_LIMIT not in change.settings:
        return 0.0
    before, after = change.before.get(POWER_LIMIT), change.after[POWER_LIMIT]
    if not (isinstance(before, float | int) and isinstance(after, float | int)):
        return None
    return abs(after - before)


def _measure_change(change: Change, rules: Rules, kinds: Mapping[tuple[str, str], str], prefix: str) -> Measure:
    name = f"{prefix}{change.address}"
    operations = [operation.value for operation in change.actions]
    what = Named(count=1, first=(f"{name} ({', '.join(operations)})",))
    does = {*operations, *actions_of(change, kinds)}
    watts = watts_moved(change)
    move = Named(count=1, first=(_move_in_words(name, change),)) if watts != 0 else NONE_NAMED
    return Measure(
        denied={word: what for word in rules.deny if word in does},
        changes=what,
        watts=watts or 0.0,
        moves=move if watts else NONE_NAMED,
        unknown=move if watts is None else NONE_NAMED,
    )


def _move_in_words(name: str, change: Change) -> str:
    show = SETTINGS[POWER_LIMIT].show
    before = change.before.get(POWER_LIMIT)
    return f"{name} ({'unknown' if before is None else show(before)} -> {show(change.after[POWER_LIMIT])})"


def _broken(measured: Measure, rules: Rules, subject: str) -> Iterator[Diagnostic]:
    yield from _denied(measured, rules.deny, subject)
    if rules.max_changes is not None and measured.changes.count > rules.max_changes:
        count = measured.changes.count
        resources = "1 resource" if count == 1 else f"{count} resources"
        summary = f"{subject} touches {resources}, -max-changes allows {rules.max_changes}"
        yield error(summary, f"{measured.changes}\nPlan less with -target, or allow more.")
    if rules.max_watts_delta is None:
        return
    limit = f"-max-watts-delta allows {_watts(rules.max_watts_delta)}"
    # Sums of floats: a milliwatt is less than any driver can set.
    if measured.watts > rules.max_watts_delta + 0.001:
        summary = f"{subject} moves power limits by {_watts(measured.watts)} in all, {limit}"
        yield error(summary, f"{measured.moves}\nUps and downs are added, not set off against each other.")
    if measured.unknown.count:
        summary = f"Nobody can say how far {subject[0].lower()}{subject[1:]} moves power limits, and {limit}"
        yield error(summary, f"The limit before is not known:\n{measured.unknown}")


def _denied(measured: Measure, deny: Iterable[str], subject: str) -> Iterator[Diagnostic]:
    for word in dict.fromkeys(deny):
        found = measured.denied.get(word)
        if found:
            count = "1 change" if found.count == 1 else f"{found.count} changes"
            yield error(f"{subject} holds {count} of the kind {word}, -deny {word} allows none", str(found))


def _watts(watts: float) -> str:
    return f"{format_number(round(watts, 3))} W"
