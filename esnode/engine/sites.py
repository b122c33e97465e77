"""What alerts, kills and drains are planned from: every GPU with its judged policies, and who is around."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from esnode.diagnostics import Diagnostic
from esnode.engine.criterion import Criterion
from esnode.engine.scope import Scope
from esnode.engine.stand import Stand
from esnode.model.hardware import Moment, Observation
from esnode.model.neighbours import NOBODY, Neighbours
from esnode.model.node_file import NO_NODE_FILE, NodeFile
from esnode.model.plan import Because, Cause, Change, HoldStep, Step
from esnode.model.profile import Action, Severity
from esnode.model.settings import SettingValue
from esnode.model.state import Hold, State
from esnode.records import dataclass, field

A = TypeVar("A", bound=Action)

SEVEREST_FIRST: Mapping[Severity, int] = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One GPU: `stands` are its policies that act on something else than a setting, `ended` such holds that end.

    Policies at rest are not among them.
    """

    scope: Scope
    stands: tuple[Stand, ...] = ()
    ended: tuple[HoldStep, ...] = ()

    @property
    def uuid(self) -> str:
        return self.scope.gpu.identity.uuid

    @property
    def label(self) -> str:
        return self.scope.gpu.identity.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """All sites, and what decides beside them: the state, the machine's rules, processes and cluster.

    `in_force` are all policies that are for any GPU, at rest or not.
    """

    sites: Sequence[Site]
    in_force: Sequence[Criterion]
    state: State
    observation: Observation
    node_file: NodeFile = NO_NODE_FILE
    neighbours: Neighbours = NOBODY

    @property
    def now(self) -> Moment:
        return self.observation.taken_at

    def acting(self, kind: type[A]) -> Iterator[tuple[Site, Stand, A]]:
        """Every policy with this kind of action that is not at rest, on every GPU that it is for."""
        for site in self.sites:
            for stand in site.stands:
                if isinstance(stand.policy.action, kind):
                    yield site, stand, stand.policy.action

    def is_forbidden(self, action: str) -> bool:
        return action in self.node_file.forbid


Remarks = Mapping[tuple[str, str], str]
"""By GPU and `PROFILE/POLICY`: a sentence that completes the verdict's reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """What was planned of one kind of action. `notes` are for reviewers; not complete: something could not be asked."""

    changes: tuple[Change, ...] = ()
    remarks: Remarks = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    is_complete: bool = True


def because_of(stand: Stand, cause: Cause, reason: str = "") -> Because:
    return Because(
        cause=cause,
        reason=reason or stand.judgement.reason,
        profile=stand.profile.name,
        policy=stand.policy.name,
        line=stand.policy.line,
        condition=f"{stand.policy.target} {stand.policy.condition}",
        severity=stand.policy.severity,
    )


def step_of(
    stand: Stand, setting: str, step: Step, cause: Cause, *, after: SettingValue, since: Moment | None = None
) -> HoldStep:
    held: Hold | None = stand.hold
    return HoldStep(
        profile=stand.profile.name,
        policy=stand.policy.name,
        action=stand.policy.action.type,
        setting=setting,
        step=step,
        cause=cause,
        before=held.value if held else None,
        after=after,
        since=since or (held.since if held else None),
    )
