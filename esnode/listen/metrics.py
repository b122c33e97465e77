"""The page at /metrics, written by prometheus_client in the form that the reader asks for."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from prometheus_client.exposition import choose_encoder, gzip_accepted
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from esnode.listen.series import series_of
from esnode.model.exported import EXPORTED
from esnode.model.loop_status import LoopStatus


class StatusCollector(Collector):
    """The metrics of EXPORTED that a status has any series of; none before the first cycle."""

    def __init__(self, status: LoopStatus | None) -> None:
        self.status = status

    def collect(self) -> Iterator[Metric]:
        for row in EXPORTED.values() if self.status else ():
            assert self.status is not None
            found = series_of(row, self.status)
            if found:
                metric = Metric(row.root, row.description, row.type)
                for series in found:
                    metric.add_sample(row.name + series.suffix, series.labels, float(series.value))
                yield metric


class _Together(Collector):
    def __init__(self, *collectors: Collector) -> None:
        self.collectors = collectors

    def collect(self) -> Iterator[Metric]:
        for collector in self.collectors:
            yield from collector.collect()


class Exposition(NamedTuple):
    body: bytes
    content_type: str
    encoding: str


def exposition(status: LoopStatus | None, pid: int, *, accept: str = "", encodings: str = "") -> Exposition:
    """What the loop says, and what its process `pid` uses. `accept` and `encodings` are the request's headers."""
    encode, content_type = choose_encoder(accept)
    body = encode(_Together(StatusCollector(status), _process(pid)))
    if gzip_accepted(encodings):
        return Exposition(gzip.compress(body, 3, mtime=0), content_type, "gzip")
    return Exposition(body, content_type, "")


@cache
def _process(pid: int) -> ProcessCollector:
    return ProcessCollector(pid=lambda: pid, registry=None)
