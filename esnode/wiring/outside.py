"""What endpoints beside the driver know of this machine's GPUs: tokens per second, and queries of Prometheus."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from esnode import secrets, web
from esnode.engine.ports import Clock
from esnode.model.hardware import GpuIdentity, Moment, Observation
from esnode.model.metrics import PROMETHEUS_PREFIX, TOKENS_PER_WATT
from esnode.model.needs import Needs
from esnode.model.node_file import NodeFile, Serving
from esnode.model.readings import Missing, MissingReason, Reading
from esnode.model.serving import ServingEndpoint, ServingSample, Tokens
from esnode.records import replace
from esnode.workers.outside import Outside
from esnode.workers.worker import Handlers, Request

_NOBODY: Final = Missing(
    missing=MissingReason.NOT_READ, detail="no serving endpoint in the node file names this GPU (`serving:`)"
)
_NO_SERVER: Final = Missing(
    missing=MissingReason.NOT_READ, detail="the node file names no Prometheus server (`prometheus:`)"
)


def look_around(
    observation: Observation, needs: Needs, node_file: NodeFile, clock: Clock, timeout: float = web.TIMEOUT
) -> Observation:
    """The observation with what endpoints say, as far as `needs` asks for it; each has `timeout` seconds.

    Serving endpoints leave a sample each, of which settling makes `tokens_per_watt`. Queries are metrics of each GPU,
    under the target's full name. What cannot be had is missing, with the reason; nothing is raised. A process is
    started only where there is something to ask.
    """
    serving = node_file.serving if needs.serving else ()
    queries = needs.queries if node_file.prometheus else ()
    identities = tuple(gpu.identity for gpu in observation.gpus)
    hostname = observation.node.identity.hostname
    requests: list[Request] = [("tokens", (entry,)) for entry in serving]
    requests += [("query", (query, identities, hostname)) for query in queries]
    answers = _ask(requests, node_file, clock, timeout)
    observation = _with_samples(observation, serving, answers[: len(serving)])
    found = dict(zip(queries, answers[len(serving) :], strict=True))
    return _with_metrics(observation, needs, {query: found.get(query, _NO_SERVER) for query in needs.queries})


def _ask(requests: Sequence[Request], node_file: NodeFile, clock: Clock, timeout: float) -> list[Reading[Any]]:
    if not requests:
        return []
    with Outside(lambda: _handlers(node_file, clock, timeout), timeout=timeout) as outside:
        return outside.read_all(requests)


@contextlib.contextmanager
def _handlers(node_file: NodeFile, clock: Clock, timeout: float) -> Iterator[Handlers]:
    """What the child answers. The moment of a sample is when its page had been read, by the machine's own clock."""

    def tokens(entry: Serving) -> tuple[Reading[Tokens], Moment]:
        from esnode.sensors.serving import read_tokens

        return read_tokens(entry, node_file.prometheus, timeout=timeout), clock.now()

    def query(text: str, gpus: Sequence[GpuIdentity], hostname: str) -> Mapping[str, Reading[float]] | Missing:
        from esnode.sensors.prometheus import read_query

        server = node_file.prometheus
        return read_query(server, text, gpus, hostname, timeout=timeout) if server else _NO_SERVER

    yield {"tokens": tokens, "query": query}


def _with_samples(observation: Observation, serving: Sequence[Serving], answers: Sequence[Any]) -> Observation:
    named = zip(_names(serving), serving, answers, strict=True)
    endpoints = {name: _endpoint(entry, answer, observation.taken_at) for name, entry, answer in named}
    return replace(observation, serving={**observation.serving, **endpoints})


def _names(serving: Sequence[Serving]) -> list[str]:
    """What each entry is called in states and messages: without a URL's secrets, and each name once."""
    names: list[str] = []
    for entry in serving:
        shown = entry.name if entry.query or secrets.is_reference(entry.url) else web.masked(entry.url)
        count = sum(name.split(" #")[0] == shown for name in names)
        names.append(f"{shown} #{count + 1}" if count else shown)
    return names


def _endpoint(entry: Serving, answer: Any, gpus_at: Moment) -> ServingEndpoint:
    endpoint = ServingEndpoint(gpus=entry.gpus, window_seconds=entry.window_seconds)
    if isinstance(answer, Missing):
        return replace(endpoint, failure=answer)
    tokens, at = answer
    if isinstance(tokens, Missing):
        return replace(endpoint, failure=tokens)
    return replace(endpoint, latest=ServingSample(at=at, gpus_at=gpus_at, counters=tokens.counters, rate=tokens.rate))


def _with_metrics(
    observation: Observation, needs: Needs, found: Mapping[str, Mapping[str, Reading[float]] | Missing]
) -> Observation:
    gpus = []
    for gpu in observation.gpus:
        metrics: dict[str, Reading[float]] = {TOKENS_PER_WATT: _NOBODY} if needs.serving else {}
        for query, values in found.items():
            value = values if isinstance(values, Missing) else values[gpu.identity.uuid]
            metrics[PROMETHEUS_PREFIX + query] = value
        gpus.append(replace(gpu, metrics={**gpu.metrics, **metrics}))
    return replace(observation, gpus=tuple(gpus))
