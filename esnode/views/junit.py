"""A plan as JUnit XML: one test case for each policy on each GPU.

What a gate would look at fails: a change that is wanted (type `change`), drift (`drift`), a warning (`warning`). A
policy that could not be judged is skipped, with the reason. Everything else passes. The form is the strictest that
viewers ask for: the schemas of Jenkins' xUnit plug-in and of Ant both accept it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from esnode.model.plan import Plan
from esnode.model.verdict import Match, Verdict
from esnode.records import dataclass
from esnode.views.findings import Finding, Kind, findings
from esnode.views.folding import fold
from esnode.views.printable import plain_text, printable
from esnode.views.verdicts import source_of

SETTINGS_CASE = "settings"
_DRIFT, _OTHER, _WARNINGS = "drift", "other changes", "warnings"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One test case; it passes where nothing was found. `said` is what a case that passes says."""

    suite: str
    name: str
    found: tuple[Finding, ...] = ()
    said: str = ""

    @property
    def failures(self) -> list[Finding]:
        return [finding for finding in self.found if finding.kind is not Kind.UNKNOWN]

    @property
    def is_skipped(self) -> bool:
        return bool(self.found) and not self.failures


def plan_junit(plan: Plan) -> str:
    """The report on a plan."""
    shown = printable(plan)
    host = shown.node.identity.hostname
    return _document(f"esnode plan of {host}", list(_cases(shown)), plan.timestamp, host)


def findings_junit(name: str, passed: Sequence[str], found: Sequence[Finding], at: datetime) -> str:
    """A report on files: one test case for each, those that `passed` and those in which something was found."""
    by_path = fold(found, lambda finding: finding.path)
    cases = [_Case(suite="profiles", name=group[0].path or "profiles", found=tuple(group)) for group in by_path]
    failed = {case.name for case in cases}
    cases += [_Case(suite="profiles", name=path) for path in passed if path not in failed]
    return _document(name, cases, at, "")


def _cases(plan: Plan) -> Iterable[_Case]:
    found = findings(plan)
    judged = [it for it in found if it.kind in (Kind.CHANGE, Kind.UNKNOWN)]
    groups = fold(judged, lambda it: (it.profile, it.policy, it.gpu))
    of_policies = {(group[0].profile, group[0].policy, group[0].gpu): group for group in groups}
    labels = {gpu.identity.uuid: gpu.identity.label for gpu in plan.gpus}
    for verdict in plan.verdicts:
        mine = of_policies.pop((verdict.profile, verdict.policy, verdict.gpu), [])
        yield _verdict_case(verdict, labels.get(verdict.gpu, verdict.gpu), mine)
    for profile in plan.profiles:
        selected = [it.gpu for it in plan.selections if (it.profile, it.match) == (profile.name, Match.SELECTED)]
        for gpu in selected if profile.settings else ():
            mine = of_policies.pop((profile.name, SETTINGS_CASE, gpu), [])
            yield _Case(suite=profile.name, name=f"{SETTINGS_CASE} on {labels.get(gpu, gpu)}", found=tuple(mine))
    for (profile_name, policy, _), mine in of_policies.items():
        name = f"{mine[0].address} {profile_name}/{policy}" if profile_name else mine[0].address
        yield _Case(suite=_OTHER, name=name, found=tuple(mine))
    yield from _general_cases(plan, found)


def _verdict_case(verdict: Verdict, label: str, mine: Sequence[Finding]) -> _Case:
    said = f"{verdict.status}: {verdict.reason}"
    return _Case(suite=verdict.profile, name=f"{verdict.policy} on {label}", found=tuple(mine), said=said)


def _general_cases(plan: Plan, found: Sequence[Finding]) -> Iterable[_Case]:
    """Each GPU has a case for drift, each warning one of its own."""
    drifted = fold((it for it in found if it.kind is Kind.DRIFT), lambda it: it.gpu)
    by_gpu = {group[0].gpu: group for group in drifted}
    for gpu in plan.gpus:
        yield _Case(suite=_DRIFT, name=gpu.identity.label, found=tuple(by_gpu.pop(gpu.identity.uuid, ())))
    for uuid, group in by_gpu.items():
        yield _Case(suite=_DRIFT, name=uuid, found=tuple(group))
    for finding in found:
        if finding.kind in (Kind.WARNING, Kind.ERROR):
            yield _Case(suite=_WARNINGS, name=finding.message, found=(finding,))


def _document(name: str, cases: Sequence[_Case], at: datetime, host: str) -> str:
    suites = [_suite(number, group, at, host) for number, group in enumerate(fold(cases, lambda case: case.suite))]
    counts = f'tests="{len(cases)}" failures="{sum(bool(case.failures) for case in cases)}" errors="0"'
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name={_attribute(name)} {counts} time="0.000">\n'
    return f"{head}{''.join(suites)}</testsuites>\n"


def _suite(number: int, cases: Sequence[_Case], at: datetime, host: str) -> str:
    name = _attribute(cases[0].suite)
    # The schemas want a time without a zone.
    when = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    counts = f'tests="{len(cases)}" failures="{sum(bool(case.failures) for case in cases)}" errors="0"'
    skipped = sum(case.is_skipped for case in cases)
    return (
        f'  <testsuite id="{number}" name={name} package={name} hostname={_attribute(host or "localhost")} '
        f'timestamp="{when}" time="0.000" {counts} skipped="{skipped}">\n    <properties/>\n'
        f"{''.join(map(_testcase, cases))}    <system-out/>\n    <system-err/>\n  </testsuite>\n"
    )


def _testcase(case: _Case) -> str:
    head = f'    <testcase classname={_attribute(case.suite)} name={_attribute(case.name)} time="0.000"'
    if case.failures:
        # One for each case: the schemas have no room for more.
        first = case.failures[0]
        text = "\n".join(map(_in_words, case.failures))
        inside = f"<failure type={_attribute(first.kind)} message={_attribute(first.message)}>{_text(text)}</failure>"
    elif case.is_skipped:
        inside = f"<skipped message={_attribute(case.found[0].detail or case.found[0].message)}/>"
    else:
        inside = f"<system-out>{_text(case.said)}</system-out>" if case.said else ""
    return f"{head}>{inside}</testcase>\n" if inside else f"{head}/>\n"


def _in_words(finding: Finding) -> str:
    place = source_of(finding.path, finding.line)
    return "\n".join(part for part in (finding.message, finding.detail, place) if part)


def _attribute(value: str) -> str:
    return quoteattr(plain_text(value))


def _text(value: str) -> str:
    return escape(plain_text(value))
