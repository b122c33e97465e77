"""The JSON of Prometheus' /api/v1/query_range: series by their labels, as dcgm-exporter has them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from esnode.errors import TraceInvalid
from esnode.storage.traces.names import meaning_of
from esnode.storage.traces.samples import Gpu, Samples

_MIG_INSTANCE: Final = "GPU_I_ID"
_EXPORT: Final = "Save what /api/v1/query_range answers: docs/testing-profiles.md has the command."
_OF_THE_MACHINE: Final = ("Hostname", "node", "instance", "kubernetes_node")


def read_export(data: bytes, name: str, *, metric: str, where: Mapping[str, str]) -> Samples:
    """The samples of every series that has the labels of `where`. `metric` is what series without a name are of.

    Raises TraceInvalid for anything else, and for two series of one metric of one GPU.
    """
    samples, known = Samples(), dict[tuple[Gpu, str], Mapping[str, str]]()
    for labels, values in _series(data, name):
        if any(labels.get(key) != wanted for key, wanted in where.items()):
            continue
        called = labels.get("__name__", "")
        meaning = metric or meaning_of(called)
        if not meaning or labels.get(_MIG_INSTANCE):
            samples.ignored.add(called or "a series without a name (say what it is with metric:)")
            continue
        gpu = _gpu(labels)
        _check_once(known, gpu, meaning, labels, name)
        for at, value in values:
            samples.add(gpu, at, meaning, value)
    return samples


def _check_once(
    known: dict[tuple[Gpu, str], Mapping[str, str]], gpu: Gpu, meaning: str, labels: Mapping[str, str], name: str
) -> None:
    other = known.setdefault((gpu, meaning), labels)
    if other is labels:
        return
    differing = sorted(key for key in {*other, *labels} if other.get(key) != labels.get(key))
    best = next((key for key in _OF_THE_MACHINE if key in differing), differing[0] if differing else "")
    raise TraceInvalid(
        f"{name} has two series of {meaning} of GPU {gpu}",
        detail=f"They differ in {', '.join(differing) or 'nothing'}.",
        next_step=f"Choose one with where: {{{best}: {labels.get(best, '')}}}." if best else "Export each series once.",
    )


def _gpu(labels: Mapping[str, str]) -> Gpu:
    for key in ("gpu", "gpu_index", "index"):
        if labels.get(key, "").isdecimal():
            return int(labels[key])
    return next((labels[key] for key in ("UUID", "uuid", "gpu_uuid") if labels.get(key)), 0)


def _series(data: bytes, name: str) -> Iterator[tuple[Mapping[str, str], list[tuple[float, float]]]]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as wrong:
        raise TraceInvalid(f"{name} is not JSON: {wrong}", next_step=_EXPORT) from None
    try:
        if document.get("status") == "error":
            raise TraceInvalid(
                f"{name} holds an error of Prometheus: {document.get('error', 'without a word')}", next_step=_EXPORT
            )
        found = document.get("data", document)
        if found["resultType"] != "matrix":
            raise TraceInvalid(
                f"{name} is the answer to one moment's query ({found['resultType']}), not to a range's",
                next_step=_EXPORT,
            )
        for series in found["result"]:
            labels = {str(key): str(value) for key, value in series["metric"].items()}
            yield labels, [sample for pair in series["values"] if (sample := _sample(pair)) is not None]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TraceInvalid(f"{name} is not what Prometheus answers", next_step=_EXPORT) from None


def _sample(pair: Any) -> tuple[float, float] | None:
    """Time and value; None for a marker that the series has ended, and for what is no number."""
    at, value = float(pair[0]), float(pair[1])
    return (at, value) if math.isfinite(value) and math.isfinite(at) else None
