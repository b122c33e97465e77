"""What a run wants to know beyond the GPUs themselves: each costs time, so it is read only when something needs it."""

from __future__ import annotations

from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """`queries` are the PromQL queries of `prometheus:` targets, `serving` whether tokens per second are wanted,
    `labels` whether the orchestrator's labels are."""

    processes: bool = False
    cluster: bool = False
    labels: bool = False
    serving: bool = False
    queries: tuple[str, ...] = ()


NOTHING_MORE = Needs()
