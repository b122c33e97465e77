"""One look at one GPU: every question is asked at most once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from esnode.model.readings import Missing, MissingReason, Reading
from esnode.nvml.device import Device
from esnode.nvml.failures import read

T = TypeVar("T")
Getter = Callable[[Device], T]


class Look:
    """Asks the driver every question at most once, so that all readings of one look agree.

    After the first answer "this GPU is lost" (`failure`) nothing more is asked: a lost GPU can take
    seconds to answer each question, and what it still answers is worth nothing.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.failure: Missing | None = None
        self._seen: dict[Getter[Any], Reading[Any]] = {}

    def read(self, getter: Getter[T]) -> Reading[T]:
        """The answer to `getter`, an unbound method of Device, or why there is none."""
        if getter not in self._seen:
            self._seen[getter] = self.failure or self._ask(getter)
        return cast("Reading[T]", self._seen[getter])

    def _ask(self, getter: Getter[T]) -> Reading[T]:
        answer = read(lambda: getter(self.device))
        if isinstance(answer, Missing) and answer.missing is MissingReason.GPU_LOST:
            self.failure = answer
        return answer
