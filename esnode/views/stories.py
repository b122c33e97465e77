"""How tests of profiles are shown: a line for each file, what failed and what was around it, a summary."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from esnode.diagnostics import Diagnostic, error
from esnode.errors import DocumentInvalid, EsnodeError
from esnode.model.story_run import Outcome, Row, StoryResult
from esnode.records import dataclass
from esnode.units import format_moment
from esnode.views.jsonlines import emit, emit_diagnostic, emit_version
from esnode.views.printable import plain_text
from esnode.views.text import WIDTH, Paint, counted, diagnostic_box, paint_for, write

_LONGEST_REASON = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came of everything: expectations met and not met, files and stories that could not be run."""

    stories: int
    met: int
    failed: int
    errors: int
    looks: int
    seconds: float

    @property
    def passed(self) -> bool:
        return bool(self.stories) and not (self.failed or self.errors)

    def __str__(self) -> str:
        speed = f", {self.looks / self.seconds:,.0f} looks a second" if self.seconds > 0 and self.looks else ""
        parts = [f"{self.met} passed"]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [counted(self.errors, "error")] if self.errors else []
        return f"{', '.join(parts)} in {counted_stories(self.stories)} ({self.seconds:.2f} s{speed})"


def counted_stories(count: int) -> str:
    return "1 story" if count == 1 else f"{count} stories"


class StoryView:
    """Collects the results; the two views below show them, too."""

    def __init__(self) -> None:
        self.results: list[tuple[str, StoryResult]] = []
        self.errors: list[tuple[str, EsnodeError]] = []

    def begin(self) -> None:
        """Nothing yet."""

    def unreadable(self, path: str, failure: EsnodeError) -> None:
        self.errors.append((path, failure))

    def file(self, path: str) -> None:
        """A file whose stories follow."""

    def story(self, path: str, result: StoryResult) -> None:
        self.results.append((path, result))

    def file_done(self) -> None:
        """Its last story was told."""

    def end(self, seconds: float) -> Tally:
        results = [result for _, result in self.results]
        outcomes = [outcome for result in results for outcome in result.outcomes]
        return Tally(
            stories=len(results),
            met=sum(outcome.passed for outcome in outcomes),
            failed=sum(not outcome.passed for outcome in outcomes),
            errors=len(self.errors) + sum(bool(result.error) for result in results),
            looks=sum(result.looks for result in results),
            seconds=seconds,
        )


def story_view(*, as_json: bool, no_color: bool, verbose: bool) -> StoryView:
    return JsonStoryView() if as_json else TextStoryView(no_color=no_color, verbose=verbose)


class TextStoryView(StoryView):
    """For people, in pytest's manner."""

    def __init__(self, *, no_color: bool, verbose: bool) -> None:
        super().__init__()
        self._paint = paint_for(sys.stdout, no_color=no_color)
        self._error_paint = paint_for(sys.stderr, no_color=no_color)
        self._verbose = verbose
        self._line = ""

    def unreadable(self, path: str, failure: EsnodeError) -> None:
        super().unreadable(path, failure)
        write(f"{plain_text(path)} {self._paint('E', 'bold', 'red')}")

    def file(self, path: str) -> None:
        self._line = plain_text(path) + " "

    def story(self, path: str, result: StoryResult) -> None:
        super().story(path, result)
        if not self._verbose:
            marks = [self._mark(outcome) for outcome in result.outcomes]
            self._line += "".join(marks) or self._paint("E", "bold", "red")
            return
        name = f"{plain_text(path)}::{plain_text(result.story.name)}"
        if result.error:
            write(f"{name} {self._paint('ERROR', 'bold', 'red')}")
        for outcome in result.outcomes:
            word = self._paint("PASSED", "green") if outcome.passed else self._paint("FAILED", "bold", "red")
            write(f"{name}: {plain_text(outcome.expected)} {word}")

    def file_done(self) -> None:
        if not self._verbose:
            write(self._line)

    def end(self, seconds: float) -> Tally:
        tally = super().end(seconds)
        if self.errors or any(result.error for _, result in self.results):
            write("\n" + _ruled("ERRORS", "="))
            self._show_errors()
        failures = [(path, result) for path, result in self.results if not (result.passed or result.error)]
        if failures:
            write("\n" + _ruled("FAILURES", "="))
            for path, result in failures:
                write("\n".join(failure_text(path, result, self._paint)))
        color = "green" if tally.passed else "red"
        if tally.stories or tally.errors:
            write("\n" + self._paint(_ruled(str(tally), "="), "bold", color))
        return tally

    def _show_errors(self) -> None:
        for path, failure in self.errors:
            write(_ruled(plain_text(path), "_"))
            for problem in problems_in(failure):
                write(diagnostic_box(problem, self._paint))
        for path, result in self.results:
            if result.error:
                write(_ruled(f"{plain_text(path)} :: {plain_text(result.story.name)}", "_"))
                write(plain_text(result.error))

    def _mark(self, outcome: Outcome) -> str:
        return self._paint(".", "green") if outcome.passed else self._paint("F", "bold", "red")


class JsonStoryView(StoryView):
    """For programs: JSON lines, and nothing else on standard output."""

    def begin(self) -> None:
        emit_version()

    def unreadable(self, path: str, failure: EsnodeError) -> None:
        super().unreadable(path, failure)
        for problem in problems_in(failure):
            emit_diagnostic(problem)

    def story(self, path: str, result: StoryResult) -> None:
        super().story(path, result)
        name = result.story.name
        if result.error:
            told = f"{path}::{name}: {result.error}"
            emit("test_error", told, level="error", path=path, story=name, error=result.error)
        for outcome in result.outcomes:
            emit(
                "test_result",
                f"{path}:{outcome.line}: {'passed' if outcome.passed else 'failed'}: {outcome.expected}",
                level="info" if outcome.passed else "error",
                path=path,
                story=name,
                outcome=outcome,
            )

    def end(self, seconds: float) -> Tally:
        tally = super().end(seconds)
        emit("test_summary", str(tally), level="info" if tally.passed else "error", passed=tally.passed, tally=tally)
        return tally


def problems_in(failure: EsnodeError) -> Sequence[Diagnostic]:
    """Every problem of a file that could not be read."""
    if isinstance(failure, DocumentInvalid) and failure.problems:
        return failure.problems
    return (error(failure.summary, " ".join(part for part in (failure.detail, failure.next_step) if part)),)


def failure_text(path: str, result: StoryResult, paint: Paint) -> Iterator[str]:
    """Every expectation of a story that was not met: what was expected and seen, why, and what was around it."""
    yield _ruled(f"{plain_text(path)} :: {plain_text(result.story.name)}", "_")
    for outcome in result.outcomes:
        if not outcome.passed:
            yield from _failed(path, outcome, paint)
            yield ""


def _failed(path: str, outcome: Outcome, paint: Paint) -> Iterator[str]:
    yield paint(f"{plain_text(path)}:{outcome.line}:", "bold") + f" expected {plain_text(outcome.expected)}"
    when = "" if outcome.at is None or " at " in outcome.saw else f" at {format_moment(outcome.at)}"
    yield "  saw:     " + paint(plain_text(outcome.saw) + when, "red")
    if outcome.reason:
        yield f"  reason:  {plain_text(outcome.reason)}"
    if outcome.rows:
        yield "  around:"
        width = max(len(_span(row)) for row in outcome.rows)
        for row in outcome.rows:
            yield from _row(row, width, paint)


def _row(row: Row, width: int, paint: Paint) -> Iterator[str]:
    sign = ">" if row.is_here else " "
    reason = row.reason if len(row.reason) <= _LONGEST_REASON else row.reason[: _LONGEST_REASON - 1] + "…"
    words = [row.status.ljust(12), reason] if row.status else []
    deeds = [str(deed) for deed in row.deeds]
    head = f"  {sign} {_span(row).ljust(width)}  "
    text = "  ".join(words) if words else deeds.pop(0)
    yield paint(plain_text(head + text).rstrip(), *(("bold",) if row.is_here else ()))
    for deed in deeds:
        yield plain_text(f"    {' ' * width}  {' ' * 12}  * {deed}" if words else f"    {' ' * width}  {deed}")


def _span(row: Row) -> str:
    start, end = format_moment(row.start), format_moment(row.end)
    return start if row.start == row.end else f"{start} to {end}"


def _ruled(text: str, sign: str) -> str:
    return f" {text} ".center(WIDTH, sign)
