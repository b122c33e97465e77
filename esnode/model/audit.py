"""One line of the audit log: what was done to one setting or resource, for whom, and what was found afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from esnode.model.plan import Operation, ResourceType
from esnode.model.readings import Reading
from esnode.model.settings import ReadableValue, SettingValue
from esnode.records import dataclass


class AuditResult(StrEnum):
    APPLIED = "applied"
    FAILED = "failed"
    UNDECIDED = "undecided"
    """Nobody could tell whether it took place; a later line of the same action may say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """`state_serial` is that of the state whose journal held the action first: with the state's lineage, the address
    and the setting it is the action's identity.

    `setting` is a resource's type where it has no settings; `before` and `after` are then the whole resource, else the
    one setting. `read_back` is what was found afterwards, None where nothing can be read. `recovered` says that whoever
    did it died, and that this is what was found. `operation` is the command that did it, or "recover"; `plan_digest` is
    empty where that is not known any more.
    """

    at: datetime
    operation: str
    user: str
    host: str
    lineage: str
    state_serial: int
    address: str
    type: ResourceType
    actions: tuple[Operation, ...]
    setting: str
    before: Mapping[str, SettingValue]
    after: Mapping[str, SettingValue]
    read_back: Reading[ReadableValue] | None = None
    result: AuditResult = AuditResult.APPLIED
    recovered: bool = False
    plan_digest: str = ""
    profile: str = ""
    policy: str = ""
    reason: str = ""
    note: str = ""
    is_simulated: bool = False

    @property
    def identity(self) -> tuple[str, int, str, str]:
        return self.lineage, self.state_serial, self.address, self.setting
