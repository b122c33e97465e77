"""One API server, asked as one user.

Bodies stay plain JSON: an eviction's version is the server's to say, and a server may be older or newer than the
client's own models.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from esnode.errors import ClusterUnavailable
from esnode.kubernetes.exchange import METHODS, Answer, Request
from esnode.kubernetes.failures import refused, unreachable
from esnode.web import masked

TIMEOUT: Final = 5.0
"""Seconds that an exchange may take, from the connection to the last byte."""

_LARGEST: Final = 32 * 2**20
_LONGEST_WAIT: Final = 60.0


class Client:
    """Asks one API server. Every exchange ends within `timeout` seconds, but for the resolver's and an exec plugin's.

    Those two have no bound of their own; a caller who must go on calls from a process that can be killed.
    """

    # Any: httpx changed its package's name between versions of lightkube.
    def __init__(self, http: Any, *, source: str, timeout: float = TIMEOUT) -> None:
        self._http = http
        self._timeout = timeout
        self._source = source
        self.server = masked(str(http.base_url)).rstrip("/")

    def ask(self, request: Request) -> Mapping[str, Any]:
        """The object or list that was asked for or made. Raises ClusterUnavailable for every other answer."""
        answer = self.exchange(request)
        if not answer.is_success:
            raise self.error(request, answer)
        return answer.body

    def exchange(self, request: Request) -> Answer:
        """Whatever the server answers. Raises ClusterUnavailable when it does not."""
        try:
            return self._send(request)
        except Exception as failure:
            # Everything: TLS, proxies and exec plugins each raise their own, and their texts may hold a token.
            raise unreachable(failure, self.server, self._timeout) from None

    def error(self, request: Request, answer: Answer) -> ClusterUnavailable:
        """What an answer that is no success means."""
        return refused(request, answer, self.server, self._source)

    def _send(self, request: Request) -> Answer:
        ends = time.monotonic() + self._timeout
        body = None if request.body is None else json.dumps(request.body).encode()
        headers = {"Accept": "application/json", "Content-Type": request.media_type}
        with self._http.stream(
            METHODS[request.verb],
            request.path,
            params=dict(request.query),
            content=body,
            headers=headers,
            timeout=self._timeout,
        ) as answer:
            data = _all_of(answer.iter_bytes(), ends)
            # What was sent as a secret is not shown, even if somebody on the way sends it back.
            secret = answer.request.headers.get("Authorization", "").partition(" ")[2]
            return Answer(
                status=answer.status_code,
                body=_object_in(data, secret if answer.is_error else ""),
                retry_after=_seconds(answer.headers.get("Retry-After", "")),
            )


def _all_of(parts: Iterator[bytes], ends: float) -> bytes:
    """Raises TimeoutError for a server that keeps dripping, ValueError for one that never ends."""
    data = bytearray()
    for part in parts:
        data += part
        if time.monotonic() > ends:
            raise TimeoutError
        if len(data) > _LARGEST:
            raise ValueError("too large")
    return bytes(data)


def _object_in(data: bytes, secret: str) -> Mapping[str, Any]:
    """The JSON object in an answer, with `secret` masked in it; {} when it is none."""
    text = data.decode("utf-8", "replace")
    try:
        value = json.loads(text.replace(secret, "***") if secret else text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(retry_after: str) -> float:
    """Retry-After in seconds; an HTTP date, which API servers do not send, counts as none."""
    return min(float(retry_after), _LONGEST_WAIT) if retry_after.isdecimal() else 0.0
