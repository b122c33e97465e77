"""The same as a Worker without a process of its own: for what cannot hang, such as a machine in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from esnode.workers.worker import Answer, Request, Serve, wait_for


class InlineWorker:
    """Asks handlers in this very process, one after the other. `timeout` is never used up: nobody could be killed."""

    def __init__(self, serve: Serve, *, timeout: float) -> None:
        self.timeout = timeout
        self._stack = contextlib.ExitStack()
        self._handlers = self._stack.enter_context(serve())

    def ask(self, name: str, *arguments: Any) -> Any:
        return self._handlers[name](*arguments)

    def ask_all(self, requests: Sequence[Request]) -> list[Answer]:
        return [self._answer(name, arguments) for name, arguments in requests]

    def wait(self, seconds: float, *wakers: int) -> list[Any]:
        """Nobody tells anything unasked here: so many seconds, or until one of `wakers` can be read."""
        wait_for(seconds, *wakers)
        return []

    def let_go(self) -> None:
        """There is nobody to close anything meanwhile."""

    def close(self) -> None:
        self._stack.close()

    def _answer(self, name: str, arguments: tuple[Any, ...]) -> Answer:
        try:
            return Answer(value=self._handlers[name](*arguments))
        except Exception as failure:
            return Answer(error=failure)
