"""What the API server is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from esnode.records import dataclass, field

METHODS: Final[Mapping[str, str]] = {"get": "GET", "list": "GET", "patch": "PATCH", "create": "POST"}
"""HTTP method by RBAC's verb."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`verb` and `resource` as RBAC names them ("patch", "nodes/status"); `about` says for people what it is about."""

    verb: str
    resource: str
    path: str
    about: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body` is empty when the answer was no JSON object. `retry_after` is in seconds, 0 when the server named none."""

    status: int
    body: Mapping[str, Any]
    retry_after: float = 0.0

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300 and bool(self.body)

    @property
    def said(self) -> str:
        """The server's own words. Only Kubernetes' Status is quoted: anything else may be a proxy's page."""
        if self.body.get("kind") != "Status":
            return ""
        return str(self.body.get("message") or "")[:400]

    @property
    def causes(self) -> frozenset[str]:
        """The machine-readable reasons of a refusal, such as `DisruptionBudget`."""
        details = self.body.get("details") or {}
        return frozenset(str(cause.get("reason", "")) for cause in details.get("causes") or [])
