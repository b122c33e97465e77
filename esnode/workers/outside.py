"""Endpoints outside this machine, asked in a process of its own: side by side, and one that hangs is killed with it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from esnode.errors import EsnodeError
from esnode.model.readings import Missing, MissingReason, Reading
from esnode.workers.worker import Answer, NoAnswer, Request, Serve, Worker

_GRACE: Final = 2.0
"""Seconds in which a handler, whose own deadline it is to keep, may still say that it was not answered."""


class Outside:
    """Asks handlers that talk to endpoints. `serve` is entered in the child, and what they need is loaded there.

    `timeout` is the seconds that each handler gives its endpoint. One that is silent for longer than that and two
    seconds, in a name server or behind a trickle of bytes, is unreachable. To be used from the main thread.
    """

    def __init__(self, serve: Serve, *, timeout: float) -> None:
        self._worker = Worker(serve, timeout=timeout + _GRACE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._worker.close()

    def read_all(self, requests: Sequence[Request]) -> list[Reading[Any]]:
        """What each handler returns, in order; an EsnodeError of one, and its silence, is its reading's reason."""
        return [_reading(answer) for answer in self._worker.ask_all(requests)]


def _reading(answer: Answer) -> Reading[Any]:
    match answer.error:
        case None:
            return answer.value
        case NoAnswer():
            return Missing(missing=MissingReason.UNREACHABLE, detail=str(answer.error))
        case EsnodeError():
            return Missing(missing=MissingReason.NOT_READ, detail=answer.error.summary)
        case error:
            raise error
