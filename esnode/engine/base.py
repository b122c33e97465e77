"""The base layer: what profiles' `settings` want of one GPU."""

from __future__ import annotations

from collections.abc import Mapping

from esnode.engine.fit import fit
from esnode.engine.scope import Scope
from esnode.errors import ProfilesDisagree
from esnode.model.plan import Because, Cause
from esnode.model.profile import Profile
from esnode.model.settings import SETTINGS, Percent, SettingValue, WantedValue
from esnode.model.state import SETTINGS_OWNER
from esnode.model.verdict import Match
from esnode.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A settings entry that applies to this GPU, rounded to what it can do."""

    value: SettingValue
    because: Because


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseLayer:
    """`notes` say what was rounded, `obstacles` what cannot be done; both are sentences without an end."""

    bases: Mapping[str, Base] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()


def base_layer(scope: Scope) -> BaseLayer:
    """Every settings entry for this GPU. Raises ProfilesDisagree when two want different values."""
    bases: dict[str, Base] = {}
    notes: list[str] = []
    obstacles: list[str] = []
    for rule in scope.rules:
        for name, wanted in rule.profile.settings.items():
            if rule.match is Match.UNKNOWN and scope.owns_settings(rule.profile.name, name):
                kept = scope.record.settings[name].applied
                bases.setdefault(name, Base(value=kept, because=_because(rule.profile, name, wanted)))
            if rule.match is not Match.SELECTED or not scope.gpu.is_readable:
                continue
            fitted = fit(SETTINGS[name], wanted, scope.gpu)
            where = f"settings.{name} of profile {rule.profile.name}"
            if fitted.obstacle:
                obstacles.append(f"{where}: {fitted.obstacle}")
                continue
            if fitted.note:
                notes.append(f"{where}: {fitted.note}")
            base = Base(value=fitted.value, because=_because(rule.profile, name, wanted, fitted.note))
            _refuse_disagreement(bases.get(name), base, name, scope)
            bases[name] = base
    return BaseLayer(bases=bases, notes=tuple(notes), obstacles=tuple(obstacles))


def _because(profile: Profile, name: str, wanted: WantedValue, note: str = "") -> Because:
    asked = str(wanted) if isinstance(wanted, Percent) else SETTINGS[name].show(wanted)
    return Because(
        cause=Cause.SETTINGS,
        reason=f"{note}." if note else f"The profile asks for {asked}.",
        profile=profile.name,
        policy=SETTINGS_OWNER,
        line=profile.line("settings", name),
    )


def _refuse_disagreement(one: Base | None, other: Base, name: str, scope: Scope) -> None:
    if one is None or one.value == other.value:
        return
    show = SETTINGS[name].show
    first, second = one.because.profile, other.because.profile
    raise ProfilesDisagree(
        f"Profiles {first} and {second} disagree on {name} of {scope.gpu.identity.label}",
        detail=f"{first} wants {show(one.value)}, {second} wants {show(other.value)}.",
        next_step="Change one of them, or their selectors so that only one is for this GPU.",
    )
