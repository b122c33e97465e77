"""A vLLM page, and power as dcgm-exporter writes it, seen by esnode and by a real Prometheus at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from esnode.model.hardware import GpuIdentity
from esnode.model.node_file import PrometheusServer
from esnode.model.readings import Missing, Reading
from esnode.sensors.prometheus import read_query
from tests.builders import a_gpu, uuid_of
from tests.endpoints import Asked, endpoint
from tests.prometheus_server import Prometheus, prometheus

pytestmark = pytest.mark.lane("prometheus")

TOKENS_PER_SECOND, WATTS = 1500.0, (610.0, 540.0)
GPUS: list[GpuIdentity] = [a_gpu(index).identity for index in range(2)]


def page(asked: Asked) -> str:
    """What all of it shows at this moment."""
    tokens = TOKENS_PER_SECOND * time.monotonic()
    lines = [
        "# HELP vllm:generation_tokens_total Number of generation tokens processed.",
        "# TYPE vllm:generation_tokens_total counter",
        f'vllm:generation_tokens_total{{engine="0",model_name="a"}} {tokens * 0.4}',
        f'vllm:generation_tokens_total{{engine="1",model_name="a"}} {tokens * 0.6}',
        "# HELP DCGM_FI_DEV_POWER_USAGE Power draw (in W).",
        "# TYPE DCGM_FI_DEV_POWER_USAGE gauge",
        *(
            f'DCGM_FI_DEV_POWER_USAGE{{gpu="{index}",UUID="{uuid_of(index)}",device="nvidia{index}",'
            f'modelName="NVIDIA H100 80GB HBM3",Hostname="node-01"}} {watts}'
            for index, watts in enumerate(WATTS)
        ),
        "# TYPE lab_by_index gauge",
        *(
            f'lab_by_index{{gpu="{index}",Hostname="{host}"}} {value}'
            for host, value in (("node-01", 70), ("node-02", 90))
            for index in range(2)
        ),
        "# TYPE lab_instances gauge",
        *(f'lab_instances{{UUID="{uuid_of(0)}",GPU_I_ID="{number}"}} {number}' for number in (1, 2)),
        "# TYPE lab_nothing gauge",
        "lab_nothing NaN",
    ]
    return "\n".join([*lines, ""])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Prometheus]]:
    """The page's URL, and a Prometheus server that scrapes it."""
    with endpoint(page) as url, prometheus(tmp_path_factory.mktemp("prometheus"), targets=[url]) as running:
        running.wait_for("lab_nothing")
        yield f"{url}/metrics", running


def asked(running: Prometheus, query: str) -> list[Reading[float]]:
    """The value of each GPU, or why there is none; on a machine as slow as it may be."""
    values = read_query(PrometheusServer(url=running.url), query, GPUS, "node-01", timeout=60)
    return [values[gpu.uuid] for gpu in GPUS]


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("DCGM_FI_DEV_POWER_USAGE", list(WATTS)),
        ("lab_by_index", [70.0, 70.0]),
        ("max by (gpu, Hostname) (lab_by_index) + 1", [71.0, 71.0]),
        ("max by (UUID) (lab_instances) or on (UUID) DCGM_FI_DEV_POWER_USAGE", [2.0, WATTS[1]]),
        ("scalar(sum(DCGM_FI_DEV_POWER_USAGE))", [sum(WATTS), sum(WATTS)]),
        ("avg(DCGM_FI_DEV_POWER_USAGE)", [sum(WATTS) / 2, sum(WATTS) / 2]),
        ("up", [1.0, 1.0]),
        (" + ".join(["1"] * 4000), [4000.0, 4000.0]),
    ],
    ids=["uuid", "index", "by index", "mig", "scalar", "average", "one series", "longer than a URL"],
)
def test_a_query_has_a_value_for_each_gpu(server: tuple[str, Prometheus], query: str, values: list[float]) -> None:
    assert asked(server[1], query) == values


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("lab_nothing", "the query's value is nan"),
        ("1 / 0", "the query's value is inf"),
        ("lab_absent", "the query has no series for this GPU"),
        ('lab_by_index{Hostname="node-02"}', "the query has no series for this GPU"),
        ("lab_instances", "2 series for this GPU"),
        ("lab_nothing[10s]", "the query gives a range of values"),
        ('"text"', "the query gives a string"),
        ("sum(", "the Prometheus server refuses the query: bad_data: "),
        ("no_such_function(up)", 'unknown function with name "no_such_function"'),
    ],
)
def test_a_query_without_a_number_says_why(server: tuple[str, Prometheus], query: str, why: str) -> None:
    value = asked(server[1], query)[0]
    assert isinstance(value, Missing)
    assert why in value.detail


def test_the_server_says_where_a_query_is_wrong(server: tuple[str, Prometheus]) -> None:
    value = asked(server[1], "up{job=~)")[0]
    assert isinstance(value, Missing)
    assert "parse error: " in value.detail


def test_a_server_that_has_gone_is_named(tmp_path: Path) -> None:
    with prometheus(tmp_path) as running:
        assert asked(running, "1") == [1.0, 1.0]
    value = asked(running, "1")[0]
    assert isinstance(value, Missing)
    assert value.detail == f"Prometheus at {running.url} cannot be reached: Connection refused"
