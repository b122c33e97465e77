"""A plan as SARIF 2.1.0: each change, drift and warning at the line of the profile that asks for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from esnode import __version__
from esnode.model.plan import Plan
from esnode.model.profile import Severity
from esnode.views.findings import Finding, Kind, findings
from esnode.views.printable import plain_text, printable

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_RULES: Final = {
    Kind.CHANGE: "A change of a GPU, a process, an alert or the node is planned",
    Kind.DRIFT: "A managed setting is not as esnode applied it",
    Kind.UNKNOWN: "A policy cannot be judged, because what it looks at is missing",
    Kind.WARNING: "A warning of the plan or of a profile",
    Kind.ERROR: "A profile has an error",
}

_LEVELS: Final = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.CRITICAL: "error"}


def plan_sarif(plan: Plan) -> str:
    """The report on a plan."""
    return findings_sarif(findings(printable(plan)))


def findings_sarif(found: Sequence[Finding]) -> str:
    """A report on anything that was found."""
    kinds = list(_RULES)
    rules = [{"id": _rule(kind), "shortDescription": {"text": text}} for kind, text in _RULES.items()]
    driver = {"name": "esnode", "version": __version__, "semanticVersion": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, kinds.index(finding.kind)) for finding in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(finding: Finding, number: int) -> dict[str, Any]:
    text = ". ".join(part.rstrip(".") for part in (finding.message, finding.detail) if part) + "."
    return {
        "ruleId": _rule(finding.kind),
        "ruleIndex": number,
        "level": _LEVELS[finding.severity],
        "message": {"text": plain_text(text)},
        "locations": list(_locations(finding)),
        "partialFingerprints": {"esnode/v1": hashlib.sha256(finding.key.encode("utf-8", "replace")).hexdigest()},
    }


def _locations(finding: Finding) -> Iterable[dict[str, Any]]:
    """The line of the profile and, for what is about a resource, its address. A change that nobody's file asks for,
    as destroy plans it, has the address alone."""
    location: dict[str, Any] = {}
    if finding.path:
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(finding.path)}, **_region(finding)}
    if finding.address:
        location["logicalLocations"] = [{"fullyQualifiedName": plain_text(finding.address), "kind": "resource"}]
    if location:
        yield location


def _region(finding: Finding) -> dict[str, Any]:
    if not finding.line:
        return {}
    columns = {"startColumn": finding.column, "endColumn": max(finding.end_column, finding.column)}
    return {"region": {"startLine": finding.line, **(columns if finding.column else {})}}


def _uri(path: str) -> str:
    """Relative to where esnode ran, as code viewers want it, or a file: URI."""
    pure = PurePath(path)
    return pure.as_uri() if pure.is_absolute() else quote(pure.as_posix(), errors="replace")


def _rule(kind: Kind) -> str:
    return f"esnode/{kind}"
