"""What stands at each path, made from the loop's last status."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from esnode import wire
from esnode.listen.health import why_not_ready, why_unhealthy
from esnode.model.loop_status import LoopStatus
from esnode.records import dataclass, field

_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The last status, for how many real seconds it has been that, and the loop's process."""

    status: LoopStatus | None
    age: float
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    body: bytes
    status: int = 200
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def page_of(path: str, known: Known, headers: Mapping[str, str]) -> Page:
    """The answer to GET. `headers` are the request's, by name in small letters. Never raises."""
    make = _PAGES.get(path)
    if make is None:
        return Page(body=f"There is nothing at this path.\n\n{_index_text()}".encode(), status=404, content_type=_TEXT)
    try:
        return make(known, headers)
    except Exception as failure:
        return _not_now(f"This page cannot be made: {failure}", status=500)


def _index(known: Known, headers: Mapping[str, str]) -> Page:
    return Page(body=_index_text().encode(), content_type=_TEXT)


def _metrics(known: Known, headers: Mapping[str, str]) -> Page:
    # Loaded here: 7 MB that only a process has to hold that is scraped.
    from esnode.listen.metrics import exposition

    made = exposition(
        known.status, known.pid, accept=headers.get("accept", ""), encodings=headers.get("accept-encoding", "")
    )
    encoding = {"Content-Encoding": made.encoding} if made.encoding else {}
    return Page(body=made.body, content_type=made.content_type, headers={"Vary": "Accept, Accept-Encoding"} | encoding)


def _health(known: Known, headers: Mapping[str, str]) -> Page:
    reason = why_unhealthy(known.status, known.age)
    return _not_now(reason) if reason else _ok()


def _readiness(known: Known, headers: Mapping[str, str]) -> Page:
    reason = why_not_ready(known.status, known.age)
    return _not_now(reason) if reason else _ok()


def _plan(known: Known, headers: Mapping[str, str]) -> Page:
    from esnode.storage.plans import plan_bytes

    if known.status is None or known.status.plan is None:
        return _not_now("The control loop has made no plan yet.")
    return Page(body=plan_bytes(known.status.plan))


def _status(known: Known, headers: Mapping[str, str]) -> Page:
    """The plan in it is as at /plan."""
    from esnode.storage.loop_status import status_document

    if known.status is None:
        return _not_now("The first cycle of the control loop has not ended yet.")
    return Page(body=wire.pretty(status_document(known.status)))


def _ok() -> Page:
    return Page(body=wire.pretty({"status": "ok"}))


def _not_now(reason: str, *, status: int = 503) -> Page:
    return Page(body=wire.pretty({"status": "failed", "reason": reason}), status=status)


_PAGES: Mapping[str, Callable[[Known, Mapping[str, str]], Page]] = {
    "/": _index,
    "/metrics": _metrics,
    "/healthz": _health,
    "/readyz": _readiness,
    "/plan": _plan,
    "/status": _status,
}

_MEANINGS: Mapping[str, str] = {
    "/metrics": "metrics for Prometheus",
    "/healthz": "200 while the control loop is well, else 503 and why",
    "/readyz": "200 once a cycle did all it was to do, else 503 and why",
    "/plan": "the last plan, as esnode plan -out writes it",
    "/status": "all that the control loop says of itself, as JSON",
}


def _index_text() -> str:
    lines = (f"  {path:<10}{meaning}" for path, meaning in _MEANINGS.items())
    return "\n".join(("esnode control loop", *lines, ""))
