"""Counts what a control loop did since it began."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from esnode.loop.keeper import CycleResult
from esnode.model.loop_status import CYCLE_BUCKETS, Counters
from esnode.model.plan import Operation, ResourceType
from esnode.model.report import Result

_KINDS: Final = (
    (ResourceType.GPU, Operation.UPDATE),
    (ResourceType.GPU, Operation.FORGET),
    (ResourceType.PROCESS, Operation.DELETE),
    *((ResourceType.ALERT, operation) for operation in (Operation.CREATE, Operation.UPDATE, Operation.DELETE)),
    *((ResourceType.NODE, operation) for operation in (Operation.CREATE, Operation.UPDATE, Operation.DELETE)),
)
_RESULTS: Final = (Result.APPLIED, Result.FAILED)


class Tally:
    def __init__(self) -> None:
        self._ok = self._failed = 0
        self._seconds = 0.0
        self._buckets = [0] * (len(CYCLE_BUCKETS) + 1)
        # At 0 from the start: of a count that begins with its first failure nobody sees that it rose.
        self._actions = {f"{kind} {operation} {result}": 0 for kind, operation in _KINDS for result in _RESULTS}
        self._errors: dict[str, int] = {}

    def cycle(self, seconds: float, *, is_ok: bool) -> None:
        self._ok += is_ok
        self._failed += not is_ok
        self._seconds += seconds
        self._buckets[bisect_left(CYCLE_BUCKETS, seconds)] += 1

    def did(self, result: CycleResult) -> None:
        """The actions of one cycle, each change that was begun by its result, and what went wrong beside them."""
        for problem in (*result.problems, *([result.refused] if result.refused else [])):
            self.error(problem)
        for change in result.report.changes if result.report else ():
            outcome = result.report.results[change.address] if result.report else Result.NOT_STARTED
            if outcome is not Result.NOT_STARTED:
                for operation in change.actions:
                    _count(self._actions, f"{change.type} {operation} {outcome}")

    def error(self, failure: Exception) -> None:
        _count(self._errors, type(failure).__name__)

    @property
    def counters(self) -> Counters:
        return Counters(
            cycles_ok=self._ok,
            cycles_failed=self._failed,
            cycle_seconds=self._seconds,
            buckets=tuple(self._buckets),
            actions=dict(self._actions),
            errors=dict(self._errors),
        )


def _count(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1
