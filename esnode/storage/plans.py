"""The plan file: RFC 8785 canonical JSON, mode 0600, sealed with a digest and a checksum.

The digest names the decision (same decision, same digest, whatever the time and the readings); the
checksum covers every byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from esnode import wire
from esnode.errors import BadValue, EsnodeError, PlanTampered, PlanUnreadable
from esnode.model.plan import Change, Drift, Operation, Plan
from esnode.model.profile import Profile
from esnode.records import replace
from esnode.storage.files import read_file, replace_file
from esnode.storage.plan_document import (
    FORMAT_VERSION,
    PROVIDER,
    ChangeBody,
    DriftBody,
    PlanDocument,
    ProfileEntry,
    ResourceChange,
    ResourceDrift,
)
from esnode.storage.plan_references import check_references
from esnode.storage.profiles.parse import profile_from_document


def write_plan(plan: Plan, path: Path) -> bytes:
    """Save a plan, atomically and readable by its owner only. The bytes written. Raises FileUnwritable."""
    data = plan_bytes(plan)
    replace_file(path, data)
    return data


def plan_bytes(plan: Plan) -> bytes:
    """The canonical bytes of a plan's file."""
    return wire.sealed(_unsealed(plan))


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values, sealed."""
    document = _unsealed(plan)
    return {**document, "checksum": wire.digest(document)}


def _unsealed(plan: Plan) -> dict[str, Any]:
    document: dict[str, Any] = wire.plain(_encode(plan))
    del document["checksum"]
    return document


def decision_digest(plan: Plan) -> str:
    """SHA-256 over the profiles and the changes: what is to be done, and by whose will."""
    decision = {
        "profiles": sorted([profile.name, profile.sha256] for profile in plan.profiles),
        "changes": sorted((_decision(change) for change in plan.changes), key=lambda entry: str(entry[0])),
    }
    return wire.digest(wire.plain(decision))


def read_plan(path: Path) -> tuple[Plan, str]:
    """A saved plan and its digest.

    Raises PlanUnreadable for a file that is no plan, PlanTampered for one that is not what esnode wrote.
    """
    return parse_plan(read_file(path, "plan file"), path)


def parse_plan(data: bytes, path: Path) -> tuple[Plan, str]:
    """The plan in the bytes of the file at `path`, and its digest. Raises as `read_plan` does."""
    whole = wire.parse_sealed(data)
    document = _plan_json(data, path, whole)
    try:
        if whole is None and not wire.is_sealed(document):
            raise PlanTampered(
                f"The plan {path} was changed after esnode wrote it: its checksum is wrong",
                next_step="Do not apply it. Run esnode plan -out FILE again.",
            )
        decoded = wire.typed(PlanDocument, document)
        plan = _decode(decoded)
        check_references(plan)
    except (BadValue, ValueError) as wrong:
        raise PlanUnreadable(f"{path} is not a plan that this esnode understands: {wrong}") from None
    if decision_digest(plan) != decoded.digest:
        raise PlanTampered(f"The digest of the plan {path} is not that of its changes")
    return plan, decoded.digest


def shown_plan(document: object) -> Plan:
    """A plan to be looked at: neither its seal nor its references are checked, and its profiles are left out.

    Raises BadValue for what is no plan.
    """
    return _decode(replace(wire.typed(PlanDocument, document), profiles=()))


def is_plan(data: bytes) -> bool:
    """Whether bytes look like a plan file rather than a state or a profile."""
    return data[:1] == b"{" and b'"resource_changes"' in data


def _plan_json(data: bytes, path: Path, whole: dict[str, Any] | None) -> dict[str, Any]:
    """The plan's document, `whole` where it is known to be sealed. Raises PlanUnreadable for what is no plan."""
    try:
        document = whole or wire.parse(data)
    except BadValue as wrong:
        raise PlanUnreadable(
            f"{path} is not a plan: {wrong.summary}", next_step="Make one with esnode plan -out FILE."
        ) from None
    if not isinstance(document, dict) or "resource_changes" not in document or "checksum" not in document:
        raise PlanUnreadable(f"{path} is JSON, and not a plan", next_step="Make one with esnode plan -out FILE.")
    version = str(document.get("format_version"))
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise PlanUnreadable(
            f"The plan {path} has format version {version}, this esnode knows {FORMAT_VERSION}",
            detail=f"It was written by esnode {document.get('esnode_version', 'of another version')}.",
            next_step="Plan again with this esnode, or apply it with the one that made it.",
        )
    return document


def _decision(change: Change) -> list[Any]:
    policy = {name: f"{why.profile}/{why.policy}" for name, why in change.because.items()}
    actions = [operation.value for operation in change.actions]
    return [change.address, actions, change.before, change.after, policy]


def _encode(plan: Plan) -> PlanDocument:
    return PlanDocument(
        format_version=FORMAT_VERSION,
        esnode_version=plan.esnode_version,
        timestamp=plan.timestamp,
        expires_at=plan.expires_at,
        applyable=plan.can_apply,
        complete=plan.complete,
        in_flight=plan.in_flight,
        errored=False,
        refreshed=plan.refreshed,
        origin=plan.origin,
        plan_mode=plan.mode,
        targets=plan.targeted,
        profiles=tuple(_profile_entry(profile) for profile in plan.profiles),
        node=plan.node,
        gpus=plan.gpus,
        prior_state=plan.prior_state,
        selections=plan.selections,
        verdicts=plan.verdicts,
        resource_drift=tuple(_drift_entry(drift) for drift in plan.drift),
        resource_changes=tuple(_change_entry(change) for change in plan.changes),
        diagnostics=plan.diagnostics,
        digest=decision_digest(plan),
        planned_values={
            "root_module": {"resources": [_planned_value(change) for change in plan.changes if _stays(change)]}
        },
        clock_locks=plan.locks,
        notes=plan.notes,
        configuration={"provider_config": {PROVIDER: {"name": PROVIDER}}, "root_module": {}},
    )


def _profile_entry(profile: Profile) -> ProfileEntry:
    return ProfileEntry(
        name=profile.name,
        version=profile.version,
        path=profile.path,
        sha256=profile.sha256,
        document=profile.document,
    )


def _change_entry(change: Change) -> ResourceChange:
    is_new = change.actions == (Operation.CREATE,)
    return ResourceChange(
        address=change.address,
        mode="managed",
        type=change.type,
        name=change.type.value,
        index=_index(change.address),
        provider_name=PROVIDER,
        change=ChangeBody(
            actions=change.actions,
            before=None if is_new and not change.before else change.before,
            after=change.after if _stays(change) else None,
        ),
        action_reason=change.reason,
        order=change.order,
        gpu=change.gpu,
        session=change.session,
        because=change.because,
        holds=change.holds,
        forget=change.forget,
    )


def _drift_entry(drift: Drift) -> ResourceDrift:
    return ResourceDrift(
        address=drift.address,
        mode="managed",
        type=drift.type,
        name=drift.type.value,
        index=_index(drift.address),
        provider_name=PROVIDER,
        change=DriftBody(actions=(Operation.UPDATE,), before=drift.before, after=drift.after),
        cause=drift.cause,
        gpu=drift.gpu,
        evidence=drift.evidence,
        applied=drift.applied,
    )


def _stays(change: Change) -> bool:
    """Whether the resource is there, and managed, when the change is done."""
    return change.actions not in ((Operation.DELETE,), (Operation.FORGET,))


def _planned_value(change: Change) -> dict[str, Any]:
    return {
        "address": change.address,
        "mode": "managed",
        "type": change.type.value,
        "name": change.type.value,
        "index": _index(change.address),
        "provider_name": PROVIDER,
        "schema_version": 0,
        "values": wire.plain(change.after),
        "sensitive_values": {},
    }


def _index(address: str) -> str:
    """What stands between the quotes of `gpu["GPU-..."]`."""
    return address.partition('["')[2].removesuffix('"]')


def _decode(document: PlanDocument) -> Plan:
    return Plan(
        esnode_version=document.esnode_version,
        timestamp=document.timestamp,
        expires_at=document.expires_at,
        mode=document.plan_mode,
        origin=document.origin,
        refreshed=document.refreshed,
        node=document.node,
        profiles=_profiles(document.profiles),
        gpus=document.gpus,
        prior_state=document.prior_state,
        selections=document.selections,
        verdicts=document.verdicts,
        drift=tuple(
            Drift(
                address=entry.address,
                gpu=entry.gpu,
                before=entry.change.before,
                after=entry.change.after,
                cause=entry.cause,
                evidence=entry.evidence,
                applied=entry.applied,
            )
            for entry in document.resource_drift
        ),
        changes=tuple(_decode_change(entry) for entry in document.resource_changes),
        diagnostics=document.diagnostics,
        complete=document.complete,
        targeted=document.targets,
        locks=document.clock_locks,
        notes=document.notes,
        in_flight=document.in_flight,
    )


def _profiles(entries: Sequence[ProfileEntry]) -> tuple[Profile, ...]:
    profiles = []
    for entry in entries:
        try:
            profile = profile_from_document(entry.document, entry.path)
        except EsnodeError as wrong:
            raise BadValue(f"the profile {entry.name} in it: {wrong.summary}") from None
        if profile.sha256 != entry.sha256:
            raise BadValue(f"the profile {entry.name} in it does not have the digest it states")
        profiles.append(profile)
    return tuple(profiles)


def _decode_change(entry: ResourceChange) -> Change:
    return Change(
        address=entry.address,
        type=entry.type,
        actions=entry.change.actions,
        before=entry.change.before or {},
        after=entry.change.after or {},
        reason=entry.action_reason,
        order=entry.order,
        gpu=entry.gpu,
        session=entry.session,
        because=entry.because,
        holds=entry.holds,
        forget=entry.forget,
    )
