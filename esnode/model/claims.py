"""One GPU, one state: a claim says which state file answers for a GPU."""

from __future__ import annotations

from enum import StrEnum

from esnode.model.state import ManagedGpu
from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """`state` is the absolute path of the state file, `lineage` its identity."""

    gpu: str
    lineage: str
    state: str


class Standing(StrEnum):
    """What a claim is worth, judged by the state file that it names."""

    VALID = "valid"
    STATE_GONE = "state_gone"
    NOT_MANAGED = "not_managed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignClaim:
    """Another lineage's claim. `record` is what its state manages on that GPU; `problem` why it cannot be read."""

    claim: Claim
    standing: Standing
    record: ManagedGpu | None = None
    problem: str = ""
