"""Alerts to Prometheus' Alertmanager (API v2), read back from there.

**Which labels.** Alertmanager knows an alert by its labels. They are those that dcgm-exporter gives a GPU's metrics
(`gpu`, `UUID`, `modelName`, `Hostname`), so that its routes, silences and inhibitions fit, and which policy of which
profile it is. The key is an annotation, not a label: it changes with every start, so a silence made for the last one
would not hold for the next, and an alert whose end nobody told (its state was lost) would fire beside its successor.
The key finds the alert again when its labels have changed while it fired: another index after a boot, another severity.

**How long.** A firing alert without an end is resolved by Alertmanager after `resolve_timeout` (5 min by default), on
the assumption that its source repeats itself every minute. esnode says a thing once, so it gives an end far ahead.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from esnode.actuators.sending import Endpoint, Opened
from esnode.errors import EndpointFailed, ReadBackDiffers
from esnode.model.alerts import Notification, Occasion
from esnode.model.messages import text_of, time_text, title_of
from esnode.model.node_file import AlertmanagerDestination

FIRES_FOR: Final = timedelta(days=366)
"""How far ahead a firing alert's end is: longer than any duration a profile can have, `repeat` among them."""

_ALERTS: Final = "/api/v2/alerts"

Alert = dict[str, Any]


class AlertmanagerSender:
    def __init__(self, destination: AlertmanagerDestination, *, message: str = "") -> None:
        self._endpoint = Endpoint(kind="alertmanager", written=destination.url)
        self._message = message

    @property
    def name(self) -> str:
        return self._endpoint.name

    def send(self, notification: Notification, *, timeout: float) -> str:
        """Sends, then reads what Alertmanager lists. Raises ReadBackDiffers when that is something else."""
        opened = self._endpoint.open(timeout)
        alert = alert_of(notification, self._message)
        at = time_text(notification.ended_at or notification.sent_at)
        stale = [it for it in _listed(opened, alert) if _is_same(it, alert) and it["labels"] != alert["labels"]]
        body = [alert, *(_ended(it, at) for it in stale)]
        status = opened.post(_ALERTS, json.dumps(body).encode("utf-8")).status
        return f"accepted ({status}), {self._checked(opened, alert, notification)}"

    def _checked(self, opened: Opened, alert: Alert, notification: Notification) -> str:
        listed = [it for it in _listed(opened, alert) if _is_same(it, alert) or it["labels"] == alert["labels"]]
        shown = next((it for it in listed if it["labels"] == alert["labels"]), None)
        if notification.occasion is Occasion.RESOLVED:
            if listed:
                raise self._differs("still lists the alert as firing", "Compare its clock with this machine's.")
            return "no longer listed"
        if shown is None:
            raise self._differs("does not list the alert", "Look for a proxy in front of it, and at its log.")
        if len(listed) > 1:
            raise self._differs("still lists the alert under its old labels", "Compare its clock with this machine's.")
        return f"listed as {_state_of(shown)}"

    def _differs(self, what: str, next_step: str) -> ReadBackDiffers:
        return ReadBackDiffers(f"{self.name} accepted the message and {what}", next_step=next_step)


def alert_of(notification: Notification, message: str = "") -> Alert:
    """The alert as Alertmanager takes it: the same labels from its start to its end, whatever is said about it."""
    it = notification
    ends = (it.ended_at or it.sent_at) if it.occasion is Occasion.RESOLVED else it.sent_at + FIRES_FOR
    return {
        "labels": labels_of(it),
        "annotations": {
            "summary": title_of(it),
            "description": text_of(it, message),
            "value": it.value,
            "condition": it.condition,
            "target": it.target,
            "plan": it.plan_digest,
            "address": it.address,
            "key": it.key,
        },
        # Alertmanager refuses an end before the start.
        "startsAt": time_text(min(it.since, ends)),
        "endsAt": time_text(ends),
    }


def labels_of(it: Notification) -> dict[str, str]:
    labels = {
        "alertname": it.policy,
        "severity": it.severity.value,
        "profile": it.profile,
        "policy": it.policy,
        "gpu": str(it.gpu.index),
        "UUID": it.gpu.uuid,
        "modelName": it.gpu.name,
        "Hostname": it.host,
    }
    if it.is_simulated:
        labels["simulated"] = "true"
    # It drops empty ones by itself, and then lists others than it was given.
    return {name: value for name, value in labels.items() if value}


def _is_same(other: Alert, alert: Alert) -> bool:
    """The alert of the same address and start, under whatever labels."""
    return bool(other["annotations"].get("key") == alert["annotations"]["key"])


def _ended(other: Alert, at: str) -> Alert:
    return {
        "labels": other["labels"],
        "annotations": other["annotations"],
        "startsAt": min(str(other.get("startsAt", at)), at),
        "endsAt": at,
    }


def _listed(opened: Opened, alert: Alert) -> list[Alert]:
    """Every alert of this GPU that has not ended, silenced and inhibited ones too."""
    query = urlencode({"filter": f"UUID={json.dumps(alert['labels'].get('UUID', ''))}"})
    answer = opened.get_json(f"{_ALERTS}?{query}")
    if not _are_alerts(answer):
        raise EndpointFailed(f"{opened.name} did not answer as an Alertmanager does", status=200)
    return list(answer)


def _are_alerts(answer: object) -> bool:
    return isinstance(answer, list) and all(
        isinstance(it, Mapping) and isinstance(it.get("labels"), Mapping) and isinstance(it.get("annotations"), Mapping)
        for it in answer
    )


def _state_of(shown: Alert) -> str:
    status = shown.get("status", {})
    silences: Iterable[object] = status.get("silencedBy") or ()
    return f"{status.get('state', 'known')}{' (silenced)' if silences else ''}"
