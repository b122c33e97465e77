"""What apply did, change by change."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from esnode.model.plan import Change
from esnode.model.readings import Reading
from esnode.model.settings import ReadableValue, SettingValue
from esnode.records import dataclass, field


class Result(StrEnum):
    APPLIED = "applied"
    FAILED = "failed"
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """One setting of one GPU, or the one step of another resource (`setting` is then its type).

    `read_back` is what the hardware showed after the write, `note` a sentence on how it went.

    `error` is empty when the step was applied; `is_readable` is false where no getter exists, so that
    an accepted write is all that can be said; `is_undecided` that nobody knows whether it was written.
    """

    address: str
    setting: str
    before: SettingValue
    after: SettingValue
    result: Result
    read_back: Reading[ReadableValue] | None = None
    error: str = ""
    next_step: str = ""
    seconds: float = 0.0
    note: str = ""
    is_readable: bool = True
    is_undecided: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyReport:
    """Every change of a plan with its result, and every step that was tried.

    `stopped` says why the run ended early, if it did; `is_state_lost` that the state file does not hold
    what was done.
    """

    changes: tuple[Change, ...]
    results: Mapping[str, Result]
    steps: tuple[StepOutcome, ...] = field(default=())
    stopped: str = ""
    is_state_lost: bool = False

    def count(self, result: Result) -> int:
        return list(self.results.values()).count(result)

    @property
    def is_complete(self) -> bool:
        return self.count(Result.APPLIED) == len(self.changes) and not (self.stopped or self.is_state_lost)
