"""Empties a node of the pods that hold its GPUs, by asking: the eviction API minds every disruption budget."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from esnode.actuators.drain_words import incomplete, two_budgets
from esnode.errors import EsnodeError
from esnode.kubernetes.client import Client
from esnode.kubernetes.exchange import Answer
from esnode.kubernetes.pods import HeldPod, read_gpu_pods
from esnode.kubernetes.writer import evict, eviction_of, eviction_version
from esnode.model.cluster import GpuPod
from esnode.records import dataclass

_GLANCE: Final = 0.25
"""Seconds of sleep between two looks at whether to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """The drain's time. Pauses are `first_pause` seconds, and double up to `longest_pause` while pods are refused."""

    sleep: Callable[[float], None]
    now: Callable[[], float]
    first_pause: float
    longest_pause: float


class Drain:
    """One drain. `evicted` counts the evictions that the server accepted; `left` is who was there at the last look.

    An accepted pod stays until its containers have ended, so it can be in both. `left` is None before the first look.
    """

    def __init__(
        self,
        client: Client,
        node: str,
        seconds: float,
        *,
        should_stop: Callable[[], bool],
        tell: Callable[[str], None],
        pacing: Pacing,
    ) -> None:
        self.left: tuple[GpuPod, ...] | None = None
        self._client, self._node, self._seconds = client, node, seconds
        self._should_stop, self._tell, self._pacing = should_stop, tell, pacing
        self._ends = pacing.now() + seconds
        self._held: tuple[HeldPod, ...] = ()
        self._accepted: set[str] = set()
        self._reasons: dict[str, str] = {}
        self._retry_after = 0.0

    @property
    def evicted(self) -> int:
        return len(self._accepted)

    def run(self) -> None:
        """Returns when the pods are gone. Raises DrainIncomplete at the deadline or when told to stop, both with what
        is left and why; ClusterUnavailable at once for what no waiting mends."""
        try:
            self._go_on_until_empty()
        except EsnodeError:
            # What is left is told as it is now; the first failure is the one that counts.
            with suppress(EsnodeError):
                self._look()
            raise

    def _go_on_until_empty(self) -> None:
        self._look()
        if not self._held:
            return
        version = eviction_version(self._client)
        pause = self._pacing.first_pause
        while self._held:
            self._raise_when_over()
            is_refused = self._ask_all(version)
            self._wait(max(pause, self._retry_after))
            pause = min(2 * pause, self._pacing.longest_pause) if is_refused else self._pacing.first_pause
            self._look()

    def _look(self) -> None:
        before = {held.pod.uid: held.pod for held in self._held}
        self._held = read_gpu_pods(self._client, self._node, fresh=True)
        self.left = tuple(held.pod for held in self._held)
        there = {pod.uid for pod in self.left}
        for uid, pod in before.items():
            if uid not in there:
                self._tell(f"{pod} is gone")

    def _ask_all(self, version: str) -> bool:
        """Whether somebody was refused and nobody let go: only then does a longer pause make sense."""
        self._retry_after, refused, before = 0.0, False, self.evicted
        for held in self._held:
            if held.is_leaving:
                continue
            self._raise_when_over()
            refused |= not self._ask(held.pod, version)
        return refused and self.evicted == before

    def _ask(self, pod: GpuPod, version: str) -> bool:
        """Whether the pod leaves or is gone; False when it is to be asked for again."""
        if pod.uid not in self._reasons:
            self._tell(f"evicting {pod}")
        answer = evict(self._client, pod, version)
        if answer.is_success:
            self._accepted.add(pod.uid)
        if answer.is_success or answer.status == 404 or "NamespaceTerminating" in answer.causes:
            return True
        if not _may_pass(answer):
            raise self._hopeless(pod, answer, version)
        self._retry_after = max(self._retry_after, answer.retry_after)
        self._note_reason(pod, answer)
        return False

    def _note_reason(self, pod: GpuPod, answer: Answer) -> None:
        said = answer.said.rstrip(".") or f"the API server, which answered {answer.status}"
        reason = f"disruption budget {pod.blocked_by}" if pod.blocked_by else said
        if self._reasons.get(pod.uid) != reason:
            self._tell(f"{pod} waits for {reason}" if pod.blocked_by else f"{pod} is not evicted yet: {reason}")
        self._reasons[pod.uid] = reason

    def _hopeless(self, pod: GpuPod, answer: Answer, version: str) -> EsnodeError:
        if not _has_two_budgets(answer):
            return self._client.error(eviction_of(pod, version), answer)
        return two_budgets(pod, self._node, answer.said)

    def _wait(self, seconds: float) -> None:
        until = min(self._pacing.now() + seconds, self._ends)
        while (rest := until - self._pacing.now()) > 0 and not self._should_stop():
            self._pacing.sleep(min(rest, _GLANCE))

    def _raise_when_over(self) -> None:
        late = self._pacing.now() >= self._ends
        if self._should_stop():
            when = "when it was told to stop"
        elif late:
            when = f"after {self._seconds:g} s"
        else:
            return
        self._look()
        if self._held:
            raise incomplete(self._node, self._held, self._reasons, when)


def _may_pass(answer: Answer) -> bool:
    """Whether the same question can have another answer later: a budget, a conflict, a server in trouble."""
    return (answer.status in (409, 429) or answer.status >= 500) and not _has_two_budgets(answer)


def _has_two_budgets(answer: Answer) -> bool:
    return "more than one PodDisruptionBudget" in answer.said
