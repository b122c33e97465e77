"""What a reviewer or a gate would look at in a plan, one by one: for the reports that CI viewers read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from esnode.diagnostics import Diagnostic, Level
from esnode.model.plan import Change, Drift, Plan
from esnode.model.profile import Severity
from esnode.model.verdict import Status
from esnode.records import dataclass
from esnode.views.changes import change_blocks
from esnode.views.drift_text import drift_rows


class Kind(StrEnum):
    CHANGE = "change"
    DRIFT = "drift"
    UNKNOWN = "unknown"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One of them. `path` and `line` are empty and 0 where nobody's file is the reason.

    `key` is the same whenever the same thing is found: it has no reading and no time in it. `profile` and `policy`
    name whose will it is, "" where it is nobody's.
    """

    kind: Kind
    severity: Severity
    message: str
    detail: str = ""
    address: str = ""
    gpu: str = ""
    profile: str = ""
    policy: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    end_column: int = 0

    @property
    def key(self) -> str:
        subject = (self.kind, self.address, self.profile, self.policy, self.path)
        return "\0".join((*subject, "" if self.address else self.message))


def findings(plan: Plan) -> list[Finding]:
    """Changes, then drift, then policies that could not be judged, then warnings."""
    places = _Places(plan)
    return [*_changes(plan, places), *_drift(plan, places), *_unknown(plan, places), *map(said, plan.diagnostics)]


def said(diagnostic: Diagnostic) -> Finding:
    """A warning or an error, with its place if it has one."""
    is_error = diagnostic.severity is Level.ERROR
    place = diagnostic.range
    return Finding(
        kind=Kind.ERROR if is_error else Kind.WARNING,
        severity=Severity.CRITICAL if is_error else Severity.WARNING,
        message=diagnostic.summary,
        detail=diagnostic.detail,
        path=place.filename if place else "",
        line=place.line if place else 0,
        column=place.column if place else 0,
        end_column=place.end_column if place else 0,
    )


class _Places:
    """Where each policy is written."""

    def __init__(self, plan: Plan) -> None:
        self._paths = {profile.name: profile.path for profile in plan.profiles}
        self._lines: dict[tuple[str, str], int] = {
            (verdict.profile, verdict.policy): verdict.line for verdict in plan.verdicts
        }

    def of(self, profile: str, policy: str, line: int = 0) -> Mapping[str, str | int]:
        path = self._paths.get(profile, "")
        return {"path": path, "line": line or self._lines.get((profile, policy), 0) if path else 0}


def _changes(plan: Plan, places: _Places) -> Iterable[Finding]:
    """One for each change and each policy, or base layer, that it is made for."""
    for block in change_blocks(plan):
        values = ", ".join(f"{row.name} {row}".rstrip() for part in block.parts for row in part.rows)
        for change in block.changes:
            yield from _change(change, f"{block.phrase}: {values}", places)


def _change(change: Change, what: str, places: _Places) -> Iterable[Finding]:
    who = change.gpu.label if change.gpu else change.address
    owners = dict.fromkeys((why.profile, why.policy) for why in change.because.values())
    for profile, policy in owners or [("", "")]:
        mine = [why for why in change.because.values() if (why.profile, why.policy) == (profile, policy)]
        yield Finding(
            kind=Kind.CHANGE,
            severity=max((why.severity for why in mine), key=list(Severity).index, default=Severity.INFO),
            message=f"{who} {what}",
            detail=" ".join(dict.fromkeys(why.reason for why in mine)),
            address=change.address,
            gpu=change.gpu.uuid if change.gpu else "",
            profile=profile,
            policy=policy,
            **places.of(profile, policy, mine[0].line if mine else 0),  # type: ignore[arg-type]
        )


def _drift(plan: Plan, places: _Places) -> Iterable[Finding]:
    for drift in plan.drift:
        values = ", ".join(f"{name} = {before} -> {after}" for name, before, after in drift_rows(drift))
        profile, policy = _owner(drift)
        yield Finding(
            kind=Kind.DRIFT,
            severity=Severity.WARNING,
            message=f"{drift.gpu.label} has changed outside of esnode ({drift.cause}): {values}",
            detail=drift.evidence,
            address=drift.address,
            gpu=drift.gpu.uuid,
            profile=profile,
            policy=policy,
            **places.of(profile, policy),  # type: ignore[arg-type]
        )


def _owner(drift: Drift) -> tuple[str, str]:
    return next(((entry.profile, entry.policy) for entry in drift.applied.values()), ("", ""))


def _unknown(plan: Plan, places: _Places) -> Iterable[Finding]:
    labels = {gpu.identity.uuid: gpu.identity.label for gpu in plan.gpus}
    for verdict in plan.verdicts:
        if verdict.status is Status.UNKNOWN:
            where = labels.get(verdict.gpu, verdict.gpu)
            yield Finding(
                kind=Kind.UNKNOWN,
                severity=Severity.WARNING,
                message=f"{verdict.profile}/{verdict.policy} cannot be judged on {where}",
                detail=verdict.reason,
                address=f"{verdict.profile}/{verdict.policy}@{verdict.gpu}",
                gpu=verdict.gpu,
                profile=verdict.profile,
                policy=verdict.policy,
                **places.of(verdict.profile, verdict.policy, verdict.line),  # type: ignore[arg-type]
            )
