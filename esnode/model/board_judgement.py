"""What validate -board says."""

from __future__ import annotations

from esnode.diagnostics import Diagnostic, Level
from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardJudgement:
    """One profile on one board. `other` says why the profile is not for that board; then nothing was judged.

    Errors are values that the board cannot have or that would do nothing; notes are what they become. `assumed` are
    the selector's keys that a board's name cannot decide.
    """

    profile: str
    board: str
    other: str = ""
    assumed: tuple[str, ...] = ()
    problems: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> int:
        return sum(problem.severity is Level.ERROR for problem in self.problems)
