"""The files that -html, -junit and -sarif write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from esnode.diagnostics import Diagnostic

if TYPE_CHECKING:
    from esnode.model.plan import Plan

_READABLE_BY_ALL = 0o644
"""Unlike a plan: a report is for a viewer that may be another user."""


def save_report(path: Path, text: str) -> None:
    """Atomically. Raises FileUnwritable."""
    from esnode.storage.files import replace_file

    replace_file(path, text.encode(), mode=_READABLE_BY_ALL)


def save_validation(
    names: Sequence[str], found: Sequence[Diagnostic], *, junit: Path | None, sarif: Path | None
) -> None:
    """The reports on profiles that were asked for. `names` are the files that were looked at."""
    if not (junit or sarif):
        return
    from esnode.views.findings import said
    from esnode.views.junit import findings_junit
    from esnode.views.sarif import findings_sarif

    findings = [said(diagnostic) for diagnostic in found]
    if junit:
        save_report(junit, findings_junit("esnode validate", names, findings, datetime.now(UTC)))
    if sarif:
        save_report(sarif, findings_sarif(findings))


def save_reports(plan: Plan, *, junit: Path | None, sarif: Path | None) -> None:
    """The reports on a plan that were asked for."""
    if junit:
        from esnode.views.junit import plan_junit

        save_report(junit, plan_junit(plan))
    if sarif:
        from esnode.views.sarif import plan_sarif

        save_report(sarif, plan_sarif(plan))
