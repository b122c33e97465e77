"""What a Prometheus server says, and of which GPU it says it.

The HTTP API is documented at https://prometheus.io/docs/prometheus/latest/querying/api/, the labels of GPUs are
those of NVIDIA's dcgm-exporter: `gpu` (the index), `UUID`, `Hostname`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from esnode import secrets, web
from esnode.errors import EndpointFailed, SecretUnavailable
from esnode.model.hardware import GpuIdentity
from esnode.model.node_file import PrometheusServer
from esnode.model.readings import Missing, MissingReason, Reading
from esnode.records import dataclass, field

NO_SERVER: Final = Missing(missing=MissingReason.NOT_READ, detail="the node file names no Prometheus server")

_UUID_LABELS: Final = ("UUID", "uuid", "gpu_uuid")
_INDEX_LABELS: Final = ("gpu", "gpu_index")
_HOST_LABELS: Final = ("Hostname", "hostname", "node", "nodename")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_ERROR: Final = re.compile(r'"errorType":"(\w+)","error":"((?:[^"\\]|\\.)*)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One series of an answer. A scalar has no labels."""

    labels: Mapping[str, str] = field(default_factory=dict)
    value: float


def read_query(
    server: PrometheusServer,
    query: str,
    gpus: Sequence[GpuIdentity],
    hostname: str,
    *,
    timeout: float = web.TIMEOUT,
) -> Mapping[str, Reading[float]]:
    """The value of an instant query for each GPU, by UUID.

    A series belongs to the GPU that its `UUID` label names, else to that of its `gpu` label, if it is not another
    host's. A scalar, or a series without such labels, counts for every GPU. Missing, with the reason in words, where
    a GPU has no series or more than one, where the value is no number, and for all when the server does not answer.
    """
    answer = ask(server, query, timeout=timeout)
    if isinstance(answer, Missing):
        return {gpu.uuid: answer for gpu in gpus}
    ours = [series for series in answer if _is_ours(series, hostname)]
    return {gpu.uuid: _value_for(gpu, ours, hostname) for gpu in gpus}


def ask(server: PrometheusServer, query: str, *, timeout: float = web.TIMEOUT) -> Reading[Sequence[Answered]]:
    """Every series that an instant query answers with, as values that may be NaN; missing with the reason in words."""
    try:
        root = secrets.resolve(server.url)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if server.token:
            headers["Authorization"] = f"Bearer {secrets.resolve(server.token).reveal()}"
        document = web.fetch_json(
            root.reveal().rstrip("/") + "/api/v1/query",
            # In the body, where a query may be longer than a URL.
            body=urlencode({"query": query, "timeout": f"{timeout:g}s"}).encode(),
            headers=headers,
            timeout=timeout,
            shown=f"Prometheus at {server.url if secrets.is_reference(server.url) else web.masked(server.url)}",
        )
    except SecretUnavailable as failure:
        return _missing(failure.summary)
    except EndpointFailed as failure:
        return _missing(_refusal(failure))
    return _answered(document)


def _refusal(failure: EndpointFailed) -> str:
    """In words: what the server has against the query, which may come cut off, else that it did not answer."""
    said = _ERROR.search(failure.detail)
    if not said:
        return failure.summary
    try:
        text = json.loads(f'"{said[2]}"')
    except ValueError:
        text = said[2]
    return f"the Prometheus server refuses the query: {said[1]}: {text}"


def _answered(document: Any) -> Reading[Sequence[Answered]]:
    try:
        data = document["data"]
        match data["resultType"]:
            case "scalar":
                return (Answered(value=float(data["result"][1])),)
            case "vector":
                return tuple(_series(row) for row in data["result"])
            case kind:
                what = "a range of values" if kind == "matrix" else f"a {kind}"
                return _missing(f"the query gives {what}, and a condition needs one number for each GPU")
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return _missing("the server did not answer as Prometheus does")


def _series(row: Mapping[str, Any]) -> Answered:
    labels = {str(name): str(value) for name, value in row["metric"].items()}
    if "value" not in row:
        return Answered(labels=labels, value=math.nan)  # a native histogram has no one value
    return Answered(labels=labels, value=float(row["value"][1]))


def _value_for(gpu: GpuIdentity, ours: Sequence[Answered], hostname: str) -> Reading[float]:
    series = _of_gpu(gpu, ours) or [one for one in ours if not _names_a_gpu(one)]
    series = _from_here(series, hostname) or series
    if not series:
        return _missing("the query has no series for this GPU: none was ever scraped, or it is stale")
    if len(series) > 1:
        return _missing(
            f"ambiguous: the query has {len(series)} series for this GPU; aggregate them, as in max by(gpu)"
        )
    value = series[0].value
    return value if math.isfinite(value) else _missing(f"the query's value is {value}")


def _of_gpu(gpu: GpuIdentity, ours: Sequence[Answered]) -> list[Answered]:
    uuid = _bare(gpu.uuid)
    by_uuid = [one for one in ours if (named := _first(one, _UUID_LABELS)) and _bare(named) == uuid]
    if by_uuid:
        return by_uuid
    return [one for one in ours if not _first(one, _UUID_LABELS) and _first(one, _INDEX_LABELS) == str(gpu.index)]


def _names_a_gpu(one: Answered) -> bool:
    return bool(_first(one, (*_UUID_LABELS, *_INDEX_LABELS)))


def _bare(uuid: str) -> str:
    """Some exporters leave out the `GPU-` that NVML writes before a UUID."""
    return uuid.lower().removeprefix("gpu-")


def _is_ours(one: Answered, hostname: str) -> bool:
    """A UUID is nobody else's; otherwise a label that names a host must name this one."""
    host = _first(one, _HOST_LABELS)
    return bool(_first(one, _UUID_LABELS)) or not host or _same_host(host, hostname)


def _from_here(series: Sequence[Answered], hostname: str) -> list[Answered]:
    """Of several, the one that was scraped here. `instance` alone proves nothing: it may be a pod's address."""
    hosts = [(one, one.labels.get("instance", "").rpartition(":")[0]) for one in series]
    here = [one for one, host in hosts if host in _LOOPBACK or _same_host(host, hostname)]
    return here if len(here) == 1 else []


def _same_host(one: str, other: str) -> bool:
    """The same name, where one may lack its domain."""
    one, other = one.lower(), other.lower()
    return one == other or (one.partition(".")[0] == other.partition(".")[0] and not ("." in one and "." in other))


def _first(one: Answered, names: Iterable[str]) -> str:
    return next((value for name in names if (value := one.labels.get(name))), "")


def _missing(why: str) -> Missing:
    return Missing(missing=MissingReason.NOT_READ, detail=why)
