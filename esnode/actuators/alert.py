"""Sends alerts to every destination of their channel. Which alerts, and when, was decided by the plan."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from esnode.actuators.alertmanager import AlertmanagerSender
from esnode.actuators.apprise import AppriseSender
from esnode.actuators.delivery import Outcome, Pace, deliver
from esnode.actuators.sending import Sender
from esnode.actuators.webhook import WebhookSender
from esnode.errors import BadValue, DeliveryFailed, EndpointFailed, EsnodeError
from esnode.model.alerts import Notification
from esnode.model.messages import check_template
from esnode.model.node_file import AlertmanagerDestination, AppriseDestination, Channel, Destination
from esnode.model.writes import Done

LIMIT: Final = 60.0
"""Seconds that one alert may take, whatever its destinations do."""


class AlertActuator:
    """`timeout` is for one try of one destination, `limit` for one message to all of them, `backoff` the first pause
    between tries; all in seconds. Looking up a host name is the system's and bounded by its resolver alone.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        *,
        timeout: float = 10.0,
        tries: int = 3,
        limit: float = LIMIT,
        backoff: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._channels = channels
        self._pace = Pace(timeout=timeout, tries=tries, limit=limit, backoff=backoff, sleep=sleep)

    def send(self, notification: Notification) -> Done:
        """One message to all destinations of its channel; it is done when every one of them has it.

        Never raises an EsnodeError. A destination that fails leaves the others alone, and is what `error` is about:
        DeliveryFailed, which names it and says why, and never shows a secret. Sent again, the same notification has
        the same key and idempotency key.
        """
        began = time.monotonic()
        channel = self._channels.get(notification.channel)
        if channel is None or not channel.destinations:
            return Done(error=_no_destination(notification.channel, channel, self._channels))
        try:
            check_template(channel.message)
        except BadValue as wrong:
            return Done(error=_bad_message(channel, wrong))
        senders = [sender_of(it, channel.message) for it in channel.destinations]
        outcomes = deliver(senders, notification, self._pace)
        named = _by_name(senders, outcomes)
        failed = {name: outcome for name, outcome in named.items() if isinstance(outcome, EsnodeError)}
        return Done(
            error=_not_delivered(channel, failed, len(named)) if failed else None,
            note=_note(len(named), len(failed)),
            read_back={
                name: f"not delivered: {_why(it)}" if isinstance(it, EsnodeError) else it for name, it in named.items()
            },
            seconds=time.monotonic() - began,
        )


def sender_of(destination: Destination, message: str = "") -> Sender:
    """Looks nothing up and sends nothing yet."""
    if isinstance(destination, AlertmanagerDestination):
        return AlertmanagerSender(destination, message=message)
    if isinstance(destination, AppriseDestination):
        return AppriseSender(destination, message=message)
    return WebhookSender(destination, message=message)


def _by_name(senders: list[Sender], outcomes: Mapping[int, Outcome]) -> dict[str, Outcome]:
    """Two destinations that look alike (the same host with different queries) stay two."""
    named: dict[str, Outcome] = {}
    for place, sender in enumerate(senders):
        name, number = sender.name, 2
        while name in named:
            name, number = f"{sender.name} (#{number})", number + 1
        named[name] = outcomes[place]
    return named


def _note(count: int, failed: int) -> str:
    return f"sent to {f'{count - failed} of ' if failed else ''}{_destinations(count)}"


def _destinations(count: int) -> str:
    return f"{count} destination{'' if count == 1 else 's'}"


def _why(failure: EsnodeError) -> str:
    asked = failure.retry_after if isinstance(failure, EndpointFailed) else 0.0
    pause = f", and asks to be left alone for {asked:g} s" if asked else ""
    detail = f" ({failure.detail.rstrip('.')})" if failure.detail else ""
    return f"{failure.summary}{pause}{detail}"


def _not_delivered(channel: Channel, failed: Mapping[str, EsnodeError], count: int) -> DeliveryFailed:
    steps = list(dict.fromkeys(it.next_step for it in failed.values() if it.next_step))
    return DeliveryFailed(
        f"The channel {channel.name} did not deliver to {len(failed)} of {_destinations(count)}: {', '.join(failed)}",
        detail=" ".join(f"{_why(it)}." for it in failed.values()),
        next_step=" ".join([*steps, "The next plan sends it again, to all of the channel's destinations."]),
    )


def _no_destination(name: str, channel: Channel | None, known: Mapping[str, Channel]) -> DeliveryFailed:
    if channel is not None:
        return DeliveryFailed(
            f"The channel {name} has no destinations", next_step=f"Add one under channels: {name}: in the node file."
        )
    there = f"It has {', '.join(sorted(known))}. " if known else "It has no channels. "
    return DeliveryFailed(
        f"The channel {name} is not in the node file",
        next_step=f"{there}Add {name} under channels: there, or correct channel: in the profile; then plan again.",
    )


def _bad_message(channel: Channel, wrong: BadValue) -> DeliveryFailed:
    return DeliveryFailed(
        f"The message of the channel {channel.name} cannot be used",
        detail=f"{wrong.summary}.",
        next_step=wrong.next_step,
    )
