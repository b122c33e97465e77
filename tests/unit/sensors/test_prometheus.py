"""Queries of Prometheus: which series is which GPU's, and what is said when there is no one number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import parse_qs

import pytest

from esnode.model.hardware import GpuIdentity
from esnode.model.node_file import PrometheusServer
from esnode.model.readings import Missing, Reading
from esnode.sensors.prometheus import read_query
from tests.builders import a_gpu, uuid_of
from tests.endpoints import Asked, Said, a_vector, endpoint

GPUS: Sequence[GpuIdentity] = [a_gpu(index).identity for index in range(2)]


def read(answer: Said | str, hostname: str = "node-01") -> list[Reading[float]]:
    """The value of each GPU."""
    with endpoint(lambda asked: answer) as root:
        values = read_query(PrometheusServer(url=root), "x", GPUS, hostname)
    assert list(values) == [uuid_of(0), uuid_of(1)]
    return list(values.values())


def why(value: Reading[float]) -> str:
    assert isinstance(value, Missing), value
    return value.detail


def gpu(index: int, **labels: str) -> dict[str, str]:
    return {"gpu": str(index), "UUID": uuid_of(index), "Hostname": "node-01", **labels}


def test_a_series_belongs_to_the_gpu_whose_uuid_it_has() -> None:
    # The index on the page is of an earlier boot; another host has GPUs of the same indexes.
    answer = a_vector(
        ({"gpu": "1", "UUID": uuid_of(0)}, "70"),
        ({"gpu": "0", "UUID": uuid_of(1)}, "71"),
        ({"gpu": "0", "UUID": "x"}, "9"),
    )
    assert read(answer) == [70.0, 71.0]
    assert read(a_vector(({"uuid": uuid_of(1).removeprefix("GPU-")}, "71")))[1] == 71.0


@pytest.mark.parametrize("host", ["node-01", "NODE-01.example.org"])
@pytest.mark.parametrize("label", ["Hostname", "node"])
def test_without_a_uuid_it_belongs_to_the_index_on_this_host(label: str, host: str) -> None:
    answer = a_vector(
        ({"gpu": "0", label: host}, "70"), ({"gpu": "1", label: host}, "71"), ({"gpu": "1", label: "node-02"}, "9")
    )
    assert read(answer) == [70.0, 71.0]


def test_of_two_with_one_index_the_one_that_was_scraped_here_counts() -> None:
    answer = a_vector(
        ({"gpu": "0", "instance": "localhost:9400"}, "70"), ({"gpu": "0", "instance": "10.0.0.2:9400"}, "9")
    )
    assert read(answer)[0] == 70.0


def test_hosts_that_nobody_can_tell_apart_are_ambiguous() -> None:
    answer = a_vector(
        ({"gpu": "0", "instance": "10.0.0.1:9400"}, "70"), ({"gpu": "0", "instance": "10.0.0.2:9400"}, "9")
    )
    zero, one = read(answer)
    assert why(zero) == "ambiguous: the query has 2 series for this GPU; aggregate them, as in max by(gpu)"
    assert why(one) == "the query has no series for this GPU: none was ever scraped, or it is stale"


def test_series_of_mig_instances_are_ambiguous() -> None:
    assert "2 series" in why(read(a_vector((gpu(0, GPU_I_ID="1"), "1"), (gpu(0, GPU_I_ID="2"), "2")))[0])


def test_what_names_no_gpu_counts_for_every_gpu() -> None:
    scalar = json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [1767101433.781, "4"]}})
    assert read(scalar) == [4.0, 4.0]
    assert read(a_vector(({"job": "node", "instance": "10.0.0.9:9100"}, "5"))) == [5.0, 5.0]
    assert read(a_vector((gpu(0), "70"), ({}, "5"))) == [70.0, 5.0]


def test_another_hosts_series_without_a_gpu_counts_for_none() -> None:
    assert "no series" in why(read(a_vector(({"node": "node-02"}, "5")))[0])


@pytest.mark.parametrize(("value", "shown"), [("NaN", "nan"), ("+Inf", "inf"), ("-Inf", "-inf")])
def test_what_is_no_number_is_missing(value: str, shown: str) -> None:
    assert why(read(a_vector((gpu(0), value)))[0]) == f"the query's value is {shown}"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (a_vector(), "the query has no series for this GPU"),
        ('{"status":"success","data":{"resultType":"matrix","result":[]}}', "the query gives a range of values"),
        ('{"status":"success","data":{"resultType":"string","result":[1,"x"]}}', "the query gives a string"),
        ('{"status":"success","data":{"resultType":"vector","result":[{}]}}', "did not answer as Prometheus does"),
        ('{"data":[]}', "the server did not answer as Prometheus does"),
        ("[]", "the server did not answer as Prometheus does"),
        ("<html>", "did not answer with JSON"),
        (
            Said('{"status":"error","errorType":"bad_data","error":"1:3: parse error: \\"x\\""}', status=400),
            'the Prometheus server refuses the query: bad_data: 1:3: parse error: "x"',
        ),
        (
            Said('{"status":"error","errorType":"bad_data","error":"' + "long " * 100 + '"}', status=400),
            "the Prometheus server refuses the query: bad_data: long long",
        ),
        (Said("who are you?", status=401), "answered 401 Unauthorized"),
        (Said("", status=503), "answered 503 Service Unavailable"),
    ],
)
def test_an_answer_without_numbers_is_told_in_words(answer: Said | str, expected: str) -> None:
    assert all(expected in why(value) for value in read(answer))


def test_a_server_that_is_down_is_named_without_its_secrets() -> None:
    with endpoint(lambda asked: "") as root:
        port = root.rpartition(":")[2]
    values = read_query(PrometheusServer(url=f"http://127.0.0.1:{port}/prom?key=hunter2"), "x", GPUS, "h")
    expected = f"Prometheus at http://127.0.0.1:{port}/prom cannot be reached: Connection refused"
    assert {why(value) for value in values.values()} == {expected}


def test_the_query_goes_in_the_body_and_the_token_in_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_TOKEN", "hunter2")
    seen: list[Asked] = []
    query = 'avg({__name__="x",job=~"a|b"})' + " + 0" * 5000

    def answering(asked: Asked) -> str:
        seen.append(asked)
        return a_vector()

    with endpoint(answering) as root:
        read_query(PrometheusServer(url=f"{root}/prefix/", token="env:PROMETHEUS_TOKEN"), query, GPUS, "h")
    assert (seen[0].path, seen[0].authorization) == ("/prefix/api/v1/query", "Bearer hunter2")
    assert parse_qs(seen[0].body)["query"] == [query]


def test_a_token_that_is_not_there_is_named_and_nothing_is_asked() -> None:
    values = read_query(PrometheusServer(url="http://127.0.0.1:1", token="env:NO_SUCH"), "x", GPUS, "h")
    assert "the environment has no NO_SUCH" in why(values[uuid_of(0)])
