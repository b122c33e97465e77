"""What each setting of one GPU should be.

    base    = the profile's settings entry, else the baseline if managed, else what is observed
    desired = the lowest of base and every hold, after this plan's step
    no settings entry and no hold left: the baseline is written, then the record forgotten

A policy can only restrict. Everything here is a pure function of values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from esnode.engine.base import Base, base_layer
from esnode.engine.because import NOBODY, because_nobody, because_of_base, because_of_policy, because_of_unjudged, join
from esnode.engine.effects import Context, wish
from esnode.engine.scope import Scope
from esnode.engine.stand import Stand, end_holds, take_stands, undecided_verdicts, verdict_of
from esnode.model.hardware import Moment
from esnode.model.plan import Because, HoldStep, Step
from esnode.model.readings import Missing, Reading
from esnode.model.settings import SETTINGS, SettingValue, restriction
from esnode.model.state import PolicyClock, hold_key
from esnode.model.verdict import Effect, Verdict
from esnode.records import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What one setting should be. `forget` says that nothing wants it any more and its record goes after.

    `certain` is false when nobody knows whether `present` is what the hardware has.
    """

    setting: str
    present: Reading[SettingValue]
    value: SettingValue
    because: Because
    steps: tuple[HoldStep, ...] = ()
    forget: bool = False
    certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Everything decided about one GPU. `notes` and `obstacles` are sentences for warnings.

    `acting` are its policies that act on something else than a setting, those at rest left out; `ended` such holds
    that end.
    """

    verdicts: tuple[Verdict, ...] = ()
    clocks: Mapping[str, PolicyClock] = field(default_factory=dict)
    desired: tuple[Desired, ...] = ()
    notes: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()
    acting: tuple[Stand, ...] = ()
    ended: tuple[HoldStep, ...] = ()


def resolve(scope: Scope) -> Resolution:
    """Every policy judged and every setting decided."""
    layer = base_layer(scope)
    stands = take_stands(scope)
    ended = end_holds(scope, stands)
    verdicts = {stand.criterion.key: verdict_of(stand, scope) for stand in stands}
    by_setting: dict[str | None, list[Stand]] = {stand.criterion.setting: [] for stand in stands}
    for stand in stands:
        if not stand.is_at_rest:
            by_setting[stand.criterion.setting].append(stand)
    obstacles = list(layer.obstacles)
    desired = []
    for name in _concerned(scope, layer.bases, by_setting):
        over = [step for step in ended if step.setting == name]
        outcome, wishing = _resolve_setting(name, scope, layer.bases.get(name), by_setting.get(name, ()), over)
        desired.append(outcome)
        for stand in wishing:
            verdicts[stand.key] = _with_effect(verdicts[stand.key], stand, outcome)
            if stand.wish and stand.wish.obstacle:
                obstacles.append(f"policy {stand.key}: {stand.wish.obstacle}")
    return Resolution(
        verdicts=(*verdicts.values(), *undecided_verdicts(scope)),
        clocks={stand.clock_key: stand.judgement.clock for stand in stands},
        desired=tuple(desired),
        notes=layer.notes,
        obstacles=tuple(obstacles),
        acting=tuple(by_setting.get(None, ())),
        ended=tuple(step for step in ended if step.setting not in SETTINGS),
    )


def _concerned(scope: Scope, bases: Mapping[str, Base], judged: Iterable[str | None]) -> list[str]:
    """The settings that something wants, wanted or might want, in their order."""
    names = {*judged, *bases, *scope.record.settings, *(hold.setting for hold in scope.record.holds.values())}
    return [name for name in SETTINGS if name in names]


def _resolve_setting(
    name: str, scope: Scope, base: Base | None, stands: Sequence[Stand], ended: Sequence[HoldStep]
) -> tuple[Desired, list[Stand]]:
    present = scope.present(name)
    managed = scope.record.settings.get(name)
    if not (base or managed or stands or scope.record.holds):
        return Desired(setting=name, present=present, value=_known(present), because=NOBODY), []
    ground = base.value if base else _known(managed.baseline if managed else present)
    standing = _standing(name, scope, ended)
    before_step = _lowest([ground, *standing.values()])
    wishing = [
        replace(stand, wish=wish(_context(stand, name, scope, ground, before_step, _known(present))))
        for stand in stands
    ]
    asked = [(stand, stand.wish.value) for stand in wishing if stand.wish and stand.wish.value is not None]
    judged = {stand.key for stand in stands}
    unjudged = {key: value for key, value in standing.items() if key not in judged}
    value = _lowest([ground, *unjudged.values(), *(wanted for _, wanted in asked)])
    steps = [stand.wish.step for stand in wishing if stand.wish and stand.wish.step and _counts(stand, value)]
    steps += ended
    return (
        Desired(
            setting=name,
            present=present,
            value=value,
            because=_because(name, scope, base, asked, unjudged, wishing, steps),
            steps=tuple(steps),
            forget=managed is not None and not (base or unjudged or asked),
            certain=scope.is_certain(name),
        ),
        wishing,
    )


def _context(
    stand: Stand, name: str, scope: Scope, base: SettingValue, desired: SettingValue, observed: SettingValue
) -> Context:
    return Context(
        profile=stand.profile.name,
        policy=stand.policy,
        judgement=stand.judgement,
        limits=scope.gpu.limits,
        now=scope.now,
        hold=stand.hold,
        rest=stand.rest,
        base=base,
        desired=desired,
        observed=observed,
        stepped_at=_stepped_at(name, scope),
    )


def _stepped_at(name: str, scope: Scope) -> Moment | None:
    steps = [hold.last_step_at for hold in scope.record.holds.values() if hold.setting == name]
    return max(steps, key=lambda moment: moment.at, default=None)


def _known(value: Reading[SettingValue]) -> SettingValue:
    """A value that nobody can read is "no lock"."""
    return None if isinstance(value, Missing) else value


def _lowest(values: Sequence[SettingValue]) -> SettingValue:
    return min(values, key=restriction)


def _standing(name: str, scope: Scope, ended: Sequence[HoldStep]) -> dict[str, SettingValue]:
    """The holds of one setting that this plan does not end."""
    over = {hold_key(step.profile, step.policy) for step in ended}
    return {key: hold.value for key, hold in scope.record.holds.items() if hold.setting == name and key not in over}


def _counts(stand: Stand, value: SettingValue) -> bool:
    """A hold begins only when its effect is really applied; one that is overruled has none."""
    step = stand.wish.step if stand.wish else None
    return step is not None and (step.step is not Step.START or restriction(step.after) <= restriction(value))


def _because(
    name: str,
    scope: Scope,
    base: Base | None,
    asked: Sequence[tuple[Stand, SettingValue]],
    unjudged: Mapping[str, SettingValue],
    stands: Sequence[Stand],
    steps: Sequence[HoldStep],
) -> Because:
    winner = min(asked, key=lambda entry: restriction(entry[1]), default=None)
    others = [(stand.key, value) for stand, value in asked if winner and value != winner[1]]
    if winner and (base is None or restriction(winner[1]) < restriction(base.value)):
        return because_of_policy(winner[0], others, base, name)
    if base:
        return because_of_base(base, [(stand.key, value) for stand, value in asked], name)
    if unjudged:
        return because_of_unjudged(min(unjudged, key=lambda key: restriction(unjudged[key])))
    return because_nobody(name, scope, stands, steps)


def _with_effect(verdict: Verdict, stand: Stand, outcome: Desired) -> Verdict:
    wished = stand.wish
    if wished is None:
        return verdict
    reason = join(verdict.reason, wished.note, wished.obstacle and f"Nothing is done: {wished.obstacle}.")
    before = _known(outcome.present)
    if wished.preview is not None:
        effect = Effect(setting=wished.setting, asked=wished.asked, before=before, after=wished.preview)
        return replace(verdict, reason=reason, effect=effect)
    if wished.step is None and wished.value is None:
        return verdict if reason == verdict.reason else replace(verdict, reason=reason)
    if wished.value is not None and restriction(wished.value) > restriction(outcome.value):
        winner = f"{outcome.because.profile}/{outcome.because.policy}"
        reason = join(reason, f"Overruled by {winner} ({SETTINGS[wished.setting].show(outcome.value)}).")
    effect = Effect(setting=wished.setting, asked=wished.asked, before=before, after=outcome.value)
    return replace(verdict, reason=reason, effect=effect)
