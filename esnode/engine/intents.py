"""Changes of resources other than GPUs: what alerts, kills and drains an ACTIVE policy calls for."""

from __future__ import annotations

from collections.abc import Sequence

from esnode.model.hardware import Observation
from esnode.model.plan import Because, Cause, Change, Operation, ResourceType
from esnode.model.verdict import Status, Verdict

_RESOURCES = {
    "alert": (ResourceType.ALERT, Operation.CREATE),
    "kill_process": (ResourceType.PROCESS, Operation.DELETE),
    "migrate_pod": (ResourceType.NODE, Operation.CREATE),
}


def intended_changes(verdicts: Sequence[Verdict], observation: Observation) -> list[Change]:
    """One change for each ACTIVE policy whose action is not a setting. They are shown; apply refuses them."""
    changes: dict[str, Change] = {}
    for verdict in verdicts:
        if verdict.status is not Status.ACTIVE or verdict.action not in _RESOURCES:
            continue
        type, operation = _RESOURCES[verdict.action]
        address = _address(type, verdict, observation)
        changes.setdefault(
            address,
            Change(
                address=address,
                type=type,
                actions=(operation,),
                before={},
                after={},
                reason=Cause.POLICY,
                order=0,
                because={verdict.action: _because(verdict)},
            ),
        )
    return list(changes.values())


def _address(type: ResourceType, verdict: Verdict, observation: Observation) -> str:
    match type:
        case ResourceType.NODE:
            return f'node["{observation.node.identity.hostname}"]'
        case ResourceType.PROCESS:
            return f'process["?@{verdict.gpu}"]'
        case _:
            return f'alert["{verdict.profile}/{verdict.policy}@{verdict.gpu}"]'


def _because(verdict: Verdict) -> Because:
    return Because(
        cause=Cause.POLICY,
        reason=verdict.reason,
        profile=verdict.profile,
        policy=verdict.policy,
        condition=f"{verdict.target} {verdict.limit}",
    )
