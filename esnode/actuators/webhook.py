"""Alerts as JSON to any HTTP endpoint, signed so that the receiver can tell ours from others and new from repeated.

docs/alerts.md is the contract: what is in the body, and how a signature is checked.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from esnode import wire
from esnode.actuators.sending import Endpoint
from esnode.model.alerts import Notification, Occasion
from esnode.model.messages import text_of, time_text, title_of
from esnode.model.node_file import WebhookDestination
from esnode.secrets import resolve

VERSION: Final = "1"
"""Rises when a reader of the body would have to change. New members alone do not raise it."""


class WebhookSender:
    def __init__(
        self, destination: WebhookDestination, *, message: str = "", now: Callable[[], float] = time.time
    ) -> None:
        self._endpoint = Endpoint(kind="webhook", written=destination.url)
        self._secret = destination.secret
        self._message = message
        self._now = now

    @property
    def name(self) -> str:
        return self._endpoint.name

    def send(self, notification: Notification, *, timeout: float) -> str:
        """One POST; any 2xx is taken for "received"."""
        opened = self._endpoint.open(timeout)
        body = body_of(notification, self._message)
        stamp = str(int(self._now()))
        headers = {"X-Esnode-Timestamp": stamp, "Idempotency-Key": idempotency_key(notification)}
        if self._secret:
            headers["X-Esnode-Signature"] = signature(resolve(self._secret).reveal(), stamp, body)
        return f"accepted ({opened.post('', body, headers).status})"


def body_of(notification: Notification, message: str = "") -> bytes:
    """The bytes that are sent and signed: canonical JSON, the same for the same notification."""
    return wire.canonical(_document(notification, message))


def idempotency_key(notification: Notification) -> str:
    """One for each message a person should see: a start and an end once, each reminder for itself."""
    parts = [notification.key, notification.occasion.value]
    if notification.occasion is Occasion.REMINDER:
        parts.append(str(int(notification.sent_at.timestamp())))
    return quote(":".join(parts), safe="!\"#$&'()*+,/:;<=>?@[]^`{|}~ ")


def signature(secret: str, stamp: str, body: bytes) -> str:
    """`sha256=` and the hex HMAC-SHA256 over the time stamp, a full stop and the body."""
    mac = hmac.new(secret.encode("utf-8"), stamp.encode("ascii") + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def _document(it: Notification, message: str) -> dict[str, Any]:
    gpu = it.gpu
    return {
        "version": VERSION,
        "key": it.key,
        "occasion": it.occasion.value,
        "title": title_of(it),
        "message": text_of(it, message),
        "address": it.address,
        "channel": it.channel,
        "severity": it.severity.value,
        "profile": it.profile,
        "policy": it.policy,
        "target": it.target,
        "condition": it.condition,
        "value": it.value,
        "reason": it.reason,
        "gpu": {
            "uuid": gpu.uuid,
            "index": gpu.index,
            "name": gpu.name,
            "model": gpu.model,
            "pci_bus_id": gpu.pci_bus_id,
        },
        "host": it.host,
        "since": time_text(it.since),
        "sent_at": time_text(it.sent_at),
        "ended_at": time_text(it.ended_at) if it.ended_at else None,
        "plan_digest": it.plan_digest,
        "simulated": it.is_simulated,
    }
