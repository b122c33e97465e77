"""One message to several destinations: each gets a first try before any gets a second, and all of it has an end."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from esnode.actuators.sending import Sender
from esnode.errors import EndpointFailed, EsnodeError, ReadBackDiffers
from esnode.model.alerts import Notification
from esnode.records import dataclass

Outcome: TypeAlias = str | EsnodeError
"""What a destination answered, or why it does not have the message."""

_TRY_AGAIN: Final = frozenset({0, 408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds: `timeout` for one try, `limit` for everything, `backoff` before the second try, twice that before the
    third. `limit` is split among destinations that had no try yet, so one that is silent takes none from the others.
    """

    timeout: float
    limit: float
    backoff: float
    tries: int
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def deliver(senders: Sequence[Sender], notification: Notification, pace: Pace) -> Mapping[int, Outcome]:
    """What came of each sender, by its place. Never raises for a destination."""
    end = pace.clock() + pace.limit
    queue = [(0.0, place, 1) for place in range(len(senders))]
    outcomes: dict[int, Outcome] = {}
    while queue:
        due, place, number = heapq.heappop(queue)
        pace.sleep(max(0.0, due - pace.clock()))
        if number > 1 and pace.clock() >= end:
            continue  # the time went to others meanwhile; why its last try failed stays
        share = (end - pace.clock()) / (1 + sum(1 for it in queue if it[2] == 1))
        outcome = _try(senders[place], notification, min(pace.timeout, max(0.05, share)))
        outcomes[place] = outcome
        if number < pace.tries and is_worth_another_try(outcome):
            again = pace.clock() + max(pace.backoff * 2 ** (number - 1), _asked_pause(outcome))
            if again < end:
                heapq.heappush(queue, (again, place, number + 1))
    return outcomes


def is_worth_another_try(outcome: Outcome) -> bool:
    """Not what the destination refused for good (4xx, a redirection), nor what is wrong here (a missing secret)."""
    if isinstance(outcome, EndpointFailed):
        return outcome.status in _TRY_AGAIN or outcome.status >= 500
    return isinstance(outcome, ReadBackDiffers)


def _try(sender: Sender, notification: Notification, timeout: float) -> Outcome:
    try:
        return sender.send(notification, timeout=timeout)
    except EsnodeError as failure:
        return failure


def _asked_pause(outcome: Outcome) -> float:
    """Honoured where RFC 9110 and 6585 give it a meaning for what is sent again."""
    if isinstance(outcome, EndpointFailed) and outcome.status in (429, 503):
        return outcome.retry_after
    return 0.0
