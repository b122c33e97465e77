"""One GPU in one pass: everything that decides what its settings should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esnode.engine.criterion import Criterion
from esnode.model.hardware import Moment, ObservedGpu
from esnode.model.plan import Cause
from esnode.model.profile import Profile
from esnode.model.readings import Reading
from esnode.model.settings import SETTINGS, SettingValue
from esnode.model.state import SETTINGS_OWNER, ManagedGpu, PolicyClock
from esnode.model.verdict import Match, Selection
from esnode.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One profile and whether it is for this GPU. `criteria` are its policies, ready to be judged."""

    profile: Profile
    selection: Selection
    criteria: Sequence[Criterion]

    @property
    def match(self) -> Match:
        return self.selection.match


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """`removal` overrides why unwanted holds and settings go: destroy says so itself."""

    gpu: ObservedGpu
    record: ManagedGpu
    now: Moment
    rules: Sequence[Rule] = ()
    clocks: Mapping[str, PolicyClock] = field(default_factory=dict)
    removal: Cause | None = None

    def present(self, name: str) -> Reading[SettingValue]:
        """What a setting is now: as read or, where no getter exists, what esnode wrote in this session."""
        if SETTINGS[name].readable or not self.gpu.is_readable:
            return self.gpu.setting(name)
        managed = self.record.settings.get(name)
        return managed.applied if managed and managed.session == self.gpu.session else None

    def is_certain(self, name: str) -> bool:
        """Whether `present` is known: an interrupted write of a setting without a getter leaves a doubt."""
        managed = self.record.settings.get(name)
        return managed is None or managed.certain or managed.session != self.gpu.session

    def is_undecided(self, profile: str) -> bool:
        """Whether nobody can tell if a profile is for this GPU: then what it holds stays."""
        return any(rule.profile.name == profile and rule.match is Match.UNKNOWN for rule in self.rules)

    def owns_settings(self, profile: str, name: str) -> bool:
        """Whether a setting was applied for a profile's base layer."""
        managed = self.record.settings.get(name)
        return managed is not None and managed.owner.profile == profile and managed.owner.policy == SETTINGS_OWNER

    def removal_cause(self, profile: str, otherwise: Cause) -> Cause:
        """Why what a profile wanted is wanted no more; `otherwise` when the profile itself is still for this GPU."""
        if self.removal:
            return self.removal
        rule = next((rule for rule in self.rules if rule.profile.name == profile), None)
        if rule is None:
            return Cause.PROFILE_REMOVED
        return Cause.NOT_SELECTED if rule.match is Match.NOT_SELECTED else otherwise
