"""One HTTP exchange, bounded in time and size, with errors in words that never show a URL's secrets."""

from __future__ import annotations

import email.utils
import http.client
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from esnode.errors import EndpointFailed
from esnode.records import dataclass

TIMEOUT: Final = 5.0
"""Seconds from the connection to the answer's last byte."""

LARGEST: Final = 16 * 2**20
"""Bytes of an answer that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    body: bytes


def masked(url: str) -> str:
    """A URL for people: host and path, with user, password and query left out."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(a URL that cannot be read)"
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path, "", ""))


def fetch(
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
    shown: str | None = None,
    direct: bool = False,
) -> Reply:
    """GET, or POST when there is a body. `shown` is what the endpoint is called in errors, by default its masked URL.

    `direct` leaves the environment's proxies aside, none of which reaches this machine's loopback.
    Raises EndpointFailed for anything but a 2xx answer; its `status` is 0 when there was none. A redirection is
    followed only where nothing is sent: a POST would arrive as a GET, and credentials at a host nobody named.
    """
    name = shown or masked(url)
    if urlsplit(url).scheme not in ("http", "https"):
        raise EndpointFailed(f"{name} is not an http or https URL", status=0)
    try:
        request = urllib.request.Request(url, data=body, headers=dict(headers or {}))  # noqa: S310 - checked above
        opener = urllib.request.build_opener(*_PROXIES[direct], _Http, _Https, _Redirections)
        with opener.open(request, timeout=timeout) as answer:
            data = answer.read(LARGEST + 1)
            status = int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            raise EndpointFailed(
                f"{name} answered {in_words(refused.code)}",
                status=refused.code,
                retry_after=_retry_after(refused.headers.get("Retry-After") or ""),
                detail=_said(refused),
            ) from None
    except urllib.error.URLError as failure:
        raise EndpointFailed(f"{name} cannot be reached: {_why(failure.reason, timeout)}", status=0) from None
    except (OSError, http.client.HTTPException, ValueError) as failure:
        raise EndpointFailed(f"{name} cannot be reached: {_why(failure, timeout)}", status=0) from None
    if len(data) > LARGEST:
        raise EndpointFailed(f"{name} answered with more than {LARGEST:,} bytes", status=status)
    return Reply(status=status, body=data)


def fetch_json(url: str, **options: Any) -> Any:
    """The JSON value that an endpoint answers with. Raises EndpointFailed, for an answer that is no JSON too."""
    reply = fetch(url, **options)
    try:
        return json.loads(reply.body)
    except ValueError:
        name = options.get("shown") or masked(url)
        raise EndpointFailed(f"{name} did not answer with JSON", status=reply.status) from None


def in_words(status: int) -> str:
    """A status with its standard phrase. Never the endpoint's own: it may repeat what it was sent."""
    return f"{status} {http.client.responses.get(status, '')}".rstrip()


def _said(refused: urllib.error.HTTPError) -> str:
    """The first line of what the endpoint said against it, for people."""
    try:
        text = refused.read(300).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException):
        return ""
    return text.splitlines()[0][:200] if text else ""


def _retry_after(text: str) -> float:
    """Seconds, from a number of them or from a date."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _why(failure: object, timeout: float) -> str:
    if isinstance(failure, TimeoutError):
        return f"no answer within {round(timeout, 1):g} s"
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror
    # Never the exception's own text: it may hold the URL.
    return type(failure).__name__


# -- what urllib has to be told ----------------------------------------------------------------


class _Redirections(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: urllib.request.Request, *where: Any) -> urllib.request.Request | None:
        return (
            None if req.data is not None or req.has_header("Authorization") else super().redirect_request(req, *where)
        )


_PROXIES: Final = {True: (urllib.request.ProxyHandler({}),), False: ()}


class _UntilDeadline(io.RawIOBase):
    """An answer's bytes until a deadline. A socket's own time-out starts anew with every byte that drips in."""

    def __init__(self, raw: io.RawIOBase, sock: Any, deadline: float) -> None:
        self._raw, self._sock, self._deadline = raw, sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *rest: Any, deadline: float, **options: Any) -> None:
        super().__init__(sock, *rest, **options)
        self.fp = io.BufferedReader(_UntilDeadline(self.fp.detach(), sock, deadline))


def _timed(kind: type[http.client.HTTPConnection], *arguments: Any, **options: Any) -> http.client.HTTPConnection:
    connection = kind(*arguments, **options)
    connection.response_class = partial(_Response, deadline=time.monotonic() + options["timeout"])  # type: ignore[assignment]
    return connection


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_timed, http.client.HTTPConnection), req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_timed, http.client.HTTPSConnection), req)
