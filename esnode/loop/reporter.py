"""What of a cycle is news: what changed since the one before, each thing once and never at every tick."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from esnode.diagnostics import Diagnostic
from esnode.engine.contests import Address, Contests
from esnode.errors import DocumentInvalid, EsnodeError, StalePlan
from esnode.loop.heralds import contest_in_words
from esnode.loop.keeper import CycleResult
from esnode.model.loop_status import PendingApproval
from esnode.model.news import Grade, News
from esnode.model.plan import Plan, gpu_address, gpu_ranges
from esnode.model.verdict import Status, Verdict
from esnode.views.apply import tally

_QUIET: Final = frozenset({Status.SKIPPED, Status.MONITORING})
"""Verdicts that come and go without anything to be done about them."""


class Reporter:
    """Compares each cycle with what it has told before."""

    def __init__(self, tell: Callable[[News], None]) -> None:
        self._tell = tell
        self._verdicts: dict[tuple[str, str, str], Status] = {}
        self._said: dict[str, set[str]] = {}
        self._failure = ""
        self._pending = ""
        self._contests: dict[Address, int] = {}
        self._unreadable: dict[str, str] = {}

    def planned(self, result: CycleResult, contests: Contests, pending: PendingApproval | None) -> None:
        """What a cycle found, before it does anything about it."""
        self._tell_gpus(result.plan)
        self._tell_verdicts(result.plan)
        self._tell_diagnostics(result)
        self._tell_contests(contests, result.plan)
        self._tell_pending(pending)

    def done(self, result: CycleResult) -> None:
        """What went wrong in doing it; each step of an apply has told of itself."""
        self._tell_problems(result)
        if result.report and not result.report.is_complete:
            self._tell(News(kind="apply_incomplete", message=tally(result.report), grade=Grade.ERROR))

    def health(self, failure: str, pause: float) -> None:
        """Whether the loop works: news when that changes, or the reason."""
        if failure and failure != self._failure:
            fields: Mapping[str, str | float] = {"next_try_seconds": pause}
            self._tell(News(kind="cycle_failed", message=failure, grade=Grade.ERROR, fields=fields))
        elif self._failure and not failure:
            self._tell(News(kind="cycle_recovered", message=f"Working again. It was: {self._failure}"))
        self._failure = failure

    # -- one kind of news each

    def _tell_gpus(self, plan: Plan) -> None:
        failures = {gpu.identity.uuid: gpu.failure.in_words() for gpu in plan.gpus if gpu.failure}
        labels = {gpu.identity.uuid: gpu.identity.label for gpu in plan.gpus}
        for uuid, why in failures.items():
            if self._unreadable.get(uuid) != why:
                message = f"{labels[uuid]} cannot be read: {why}"
                self._tell(News(kind="gpu_unreadable", message=message, grade=Grade.ERROR, fields={"gpu": uuid}))
        for uuid in self._unreadable.keys() - failures.keys():
            message = f"{labels.get(uuid, uuid)} can be read again"
            self._tell(News(kind="gpu_readable", message=message, fields={"gpu": uuid}))
        self._unreadable = failures

    def _tell_verdicts(self, plan: Plan) -> None:
        now = {(item.gpu, item.profile, item.policy): item for item in plan.verdicts}
        turned: dict[tuple[str, str, Status], list[Verdict]] = {}
        for key, verdict in now.items():
            before = self._verdicts.get(key, Status.SKIPPED)
            # Why a verdict is UNKNOWN stands in a warning of the plan.
            is_news = verdict.status is not Status.UNKNOWN and not {verdict.status, before} <= _QUIET
            if verdict.status is not before and is_news:
                turned.setdefault((verdict.profile, verdict.policy, verdict.status), []).append(verdict)
        indexes = {gpu.identity.uuid: gpu.identity.index for gpu in plan.gpus}
        for (profile, policy, status), verdicts in turned.items():
            where = gpu_ranges(indexes[verdict.gpu] for verdict in verdicts)
            self._tell(
                News(
                    kind="verdict",
                    message=f"{profile}/{policy} on {where}: {status.value}. {verdicts[0].reason}",
                    fields={
                        "profile": profile,
                        "policy": policy,
                        "status": status.value,
                        "gpus": ",".join(verdict.gpu for verdict in verdicts),
                    },
                )
            )
        self._verdicts = {key: verdict.status for key, verdict in now.items()}

    def _tell_diagnostics(self, result: CycleResult) -> None:
        texts = {
            f"{item.summary}. {item.detail}".rstrip(". ") + "."
            for item in (*result.notes, *result.plan.diagnostics)
            if item.summary
        }
        self._tell_new("warning", texts, Grade.WARNING)

    def _tell_problems(self, result: CycleResult) -> None:
        problems = [*result.problems, *([result.refused] if result.refused else [])]
        stale = {in_words(problem) for problem in problems if isinstance(problem, StalePlan)}
        self._tell_new("plan_stale", stale, Grade.INFO)
        self._tell_new("problem", {in_words(item) for item in problems} - stale, Grade.ERROR)

    def _tell_contests(self, contests: Contests, plan: Plan) -> None:
        gpus = {gpu_address(gpu.identity.uuid): gpu.identity for gpu in plan.gpus}
        raised = {key: contest.count for key, contest in contests.items() if contest.is_raised}
        for key in sorted(key for key, count in raised.items() if self._contests.get(key) != count):
            message = contest_in_words(key, contests[key], gpus.get(key[0]))
            fields: Mapping[str, str | float] = {"address": key[0], "setting": key[1], "count": raised[key]}
            self._tell(News(kind="setting_contested", message=message, grade=Grade.WARNING, fields=fields))
        for address, setting in sorted(self._contests.keys() - raised.keys()):
            message = f"Nobody has changed {setting} of {address} for a while: the contest is over"
            fields = {"address": address, "setting": setting}
            self._tell(News(kind="setting_uncontested", message=message, fields=fields))
        self._contests = raised

    def _tell_pending(self, pending: PendingApproval | None) -> None:
        digest = pending.digest if pending else ""
        if digest == self._pending:
            return
        self._pending = digest
        if pending is None:
            self._tell(News(kind="approval_over", message="Nothing waits for an approval any more"))
            return
        message = f"Waits for an approval: {', '.join(pending.addresses)}. To approve: esnode apply {pending.path}"
        fields = {"path": pending.path, "digest": pending.digest}
        self._tell(News(kind="approval_needed", message=message, grade=Grade.WARNING, fields=fields))

    def _tell_new(self, kind: str, texts: Iterable[str], grade: Grade) -> None:
        """Each text once, and again only after it was gone for a cycle."""
        present = set(texts)
        for text in sorted(present - self._said.get(kind, set())):
            self._tell(News(kind=kind, message=text, grade=grade))
        self._said[kind] = present


def in_words(failure: EsnodeError | Exception) -> str:
    """An error as one line."""
    if not isinstance(failure, EsnodeError):
        return f"esnode itself failed: {type(failure).__name__}: {failure}"
    if isinstance(failure, DocumentInvalid):
        return " ".join(_problem_in_words(problem) for problem in failure.problems)
    parts = [failure.summary, failure.detail, failure.next_step]
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def _problem_in_words(problem: Diagnostic) -> str:
    place = problem.range
    where = f"{place.filename}:{place.line}:{place.column}: " if place else ""
    return where + " ".join(f"{part.rstrip('.')}." for part in (problem.summary, problem.detail) if part)
