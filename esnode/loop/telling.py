"""An apply's view in a control loop: what it does becomes news."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from esnode.diagnostics import Diagnostic
from esnode.model.news import Grade, News
from esnode.model.plan import Change, Plan
from esnode.model.report import ApplyReport, Result, StepOutcome
from esnode.views.apply import beginning, path_in_words, step_in_words, subject


class Telling:
    """`tell` is given each piece of news."""

    def __init__(self, tell: Callable[[News], None]) -> None:
        self._tell = tell

    def warn(self, diagnostic: Diagnostic) -> None:
        detail = f" {diagnostic.detail}" if diagnostic.detail else ""
        self._tell(News(kind="warning", message=f"{diagnostic.summary}.{detail}", grade=Grade.WARNING))

    def begin(self) -> None:
        """A loop has begun long ago."""

    def executing(self, plan: Plan) -> None:
        """What is done is told step by step."""

    def nothing_to_do(self, plan: Plan) -> None:
        """Not worth a word."""

    def started(self, change: Change, setting: str) -> None:
        if change.address != (change.gpu and f'gpu["{change.gpu.uuid}"]'):
            self._tell(News(kind="step_start", message=f"{subject(change)}: {beginning(change)}"))

    def told(self, sentence: str) -> None:
        self._tell(News(kind="step_progress", message=sentence))

    def finished(self, change: Change, outcome: StepOutcome) -> None:
        failed = outcome.result is Result.FAILED
        because = change.because.get(outcome.setting) or next(iter(change.because.values()), None)
        why = f" ({because.profile}/{because.policy}: {because.reason})" if because and because.policy else ""
        self._tell(
            News(
                kind="step",
                message=f"{subject(change)}: {step_in_words(outcome)}{why}",
                grade=Grade.ERROR if failed else Grade.INFO,
                same_as="" if failed else f"{path_in_words(outcome)}{why}",
                gpu_index=change.gpu.index if change.gpu else -1,
                fields={
                    "address": change.address,
                    "setting": outcome.setting,
                    "result": outcome.result.value,
                    "gpu": change.gpu.uuid if change.gpu else "",
                    "profile": because.profile if because else "",
                    "policy": because.policy if because else "",
                },
            )
        )

    def state_errored(self, path: Path | None, text: bytes) -> None:
        place = f"What was done is in {path}: keep it." if path else f"What was done: {text.decode()}"
        self._tell(News(kind="state_errored", message=f"The state could not be saved. {place}", grade=Grade.ERROR))

    def stopped_at_once(self) -> None:
        """A loop says itself that it ends."""

    def end(self, report: ApplyReport) -> None:
        """The tally is the loop's own."""
