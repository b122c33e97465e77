"""What a control loop says of itself, as JSON and back: what it serves at /status, what `esnode top -json` prints."""

from __future__ import annotations

from typing import Any

from esnode import wire
from esnode.model.loop_status import LoopStatus
from esnode.records import members, replace
from esnode.storage.plans import plan_document, shown_plan


def status_document(status: LoopStatus) -> dict[str, Any]:
    """The status as JSON values; the plan in it has the shape of a saved one."""
    document: dict[str, Any] = wire.plain(replace(status, plan=None))
    return {**document, "plan": plan_document(status.plan) if status.plan else None}


def read_status(document: object) -> LoopStatus:
    """The status in a document; its plan has no profiles. Raises BadValue for anything else."""
    read = wire.typed(_Status, document)
    return LoopStatus(**{**members(read), "plan": shown_plan(read.plan) if read.plan else None})


class _Status(LoopStatus):
    """As it stands in JSON, where a plan has another shape than in memory."""

    plan: Any = None
