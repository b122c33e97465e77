"""One HTTP exchange, bounded in time and size, with errors in words that never show a URL's secrets."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from esnode.errors import EndpointFailed

TIMEOUT: Final = 5.0
"""Seconds that an endpoint may be silent."""

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
) -> Reply:
    """GET, or POST when there is a body. `shown` is what the endpoint is called in errors, by default its masked URL.

    Raises EndpointFailed for anything but a 2xx answer; its `status` is 0 when there was none.
    """
    name = shown or masked(url)
    if urlsplit(url).scheme not in ("http", "https"):
        raise EndpointFailed(f"{name} is not an http or https URL", status=0)
    try:
        request = urllib.request.Request(url, data=body, headers=dict(headers or {}))  # noqa: S310 - checked above
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
            data = answer.read(LARGEST + 1)
            status = int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            raise EndpointFailed(
                f"{name} answered {refused.code} {refused.reason}", status=refused.code, detail=_said(refused)
            ) from None
    except urllib.error.URLError as failure:
        raise EndpointFailed(f"{name} cannot be reached: {_in_words(failure.reason, timeout)}", status=0) from None
    except (OSError, http.client.HTTPException, ValueError) as failure:
        raise EndpointFailed(f"{name} cannot be reached: {_in_words(failure, timeout)}", status=0) from None
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


def _said(refused: urllib.error.HTTPError) -> str:
    """The first line of what the endpoint said against it, for people."""
    try:
        text = refused.read(300).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException):
        return ""
    return text.splitlines()[0][:200] if text else ""


def _in_words(failure: object, timeout: float) -> str:
    if isinstance(failure, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror
    # Never the exception's own text: it may hold the URL.
    return type(failure).__name__
