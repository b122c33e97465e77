"""What every sender of alerts has: a name that shows no secret, and its URL, looked up when it sends."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from esnode import __version__
from esnode.errors import BadValue, EndpointFailed
from esnode.model.alerts import Notification
from esnode.secrets import is_reference, resolve
from esnode.web import Reply, fetch, fetch_json, masked

USER_AGENT: Final = f"esnode/{__version__}"

_NEXT_STEPS: Final[Mapping[int, str]] = {
    401: "Check the credentials in the URL.",
    403: "Check the credentials in the URL, and the secret.",
    404: "Check the path of the URL.",
    **dict.fromkeys((301, 302, 303, 307, 308), "Write the URL that it leads to: alerts do not follow redirections."),
}


class Sender(Protocol):
    """One destination. Made without looking anything up; it never fails before it sends."""

    @property
    def name(self) -> str:
        """What it is called in errors and records: its kind, and its reference or its URL without credentials."""

    def send(self, notification: Notification, *, timeout: float) -> str:
        """Once, within `timeout` seconds. Returns what the destination answered, for people.

        Raises an EsnodeError: EndpointFailed and ReadBackDiffers may be worth another try, the others are not.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An HTTP destination. `written` is its URL, or a reference to it, as the node file has it."""

    kind: str
    written: str

    @property
    def name(self) -> str:
        return f"{self.kind} {self.written if is_reference(self.written) else masked(self.written)}"

    def open(self, timeout: float) -> Opened:
        """Raises SecretUnavailable; BadValue when what is there is no http or https URL."""
        url = resolve(self.written).reveal()
        try:
            parts = urlsplit(url)
            is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_usable = False
        if not is_usable:
            raise BadValue(f"{self.name} is not an http or https URL", next_step="Write it like http://host:port/path.")
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
        return Opened(
            name=self.name,
            url=bare,
            credentials=_basic(parts.username, parts.password),
            is_public=not (is_reference(self.written) or parts.query or parts.username),
            deadline=time.monotonic() + timeout,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A URL that may be used until `deadline`. What its endpoint says is repeated only if `is_public`."""

    name: str
    url: str = field(repr=False)
    credentials: Mapping[str, str] = field(repr=False)
    is_public: bool
    deadline: float

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Reply:
        """JSON to a path beneath the URL. Raises EndpointFailed."""
        try:
            return fetch(
                self._at(path), body=body, **self._options({"Content-Type": "application/json"} | (headers or {}))
            )
        except EndpointFailed as failure:
            raise self._in_context(failure) from None

    def get_json(self, path: str) -> Any:
        """Raises EndpointFailed."""
        try:
            return fetch_json(self._at(path), **self._options({}))
        except EndpointFailed as failure:
            raise self._in_context(failure) from None

    def _in_context(self, failure: EndpointFailed) -> EndpointFailed:
        """With a next step, and without what the endpoint said where that could repeat a secret URL."""
        return EndpointFailed(
            failure.summary,
            status=failure.status,
            retry_after=failure.retry_after,
            detail=failure.detail if self.is_public else "",
            next_step=_NEXT_STEPS.get(failure.status, ""),
        )

    def _at(self, path: str) -> str:
        return self.url.rstrip("/") + path if path else self.url

    def _options(self, headers: Mapping[str, str]) -> dict[str, Any]:
        return {
            "headers": {"User-Agent": USER_AGENT, **self.credentials, **headers},
            "timeout": max(0.05, self.deadline - time.monotonic()),
            "shown": self.name,
        }


def _basic(user: str | None, password: str | None) -> Mapping[str, str]:
    if not user:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
