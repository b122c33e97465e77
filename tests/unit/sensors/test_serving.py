"""Generated tokens from the pages of serving engines, and what is said when a page does not have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from esnode import web
from esnode.model.node_file import PrometheusServer, Serving
from esnode.model.readings import Missing, MissingReason
from esnode.model.serving import Tokens
from esnode.sensors.engines import ENGINES, engine_named
from esnode.sensors.serving import read_tokens
from tests.endpoints import Asked, Said, a_vector, endpoint
from tests.places import PROJECT

PAGES = Path(__file__).parent / "pages"
MODEL = 'model_name="meta-llama/Llama-3.1-70B-Instruct"'

COUNTED: Mapping[str, Mapping[str, float]] = {
    "vllm": {
        f'vllm:generation_tokens_total{{engine="0",{MODEL}}}': 7557572.0,
        f'vllm:generation_tokens_total{{engine="1",{MODEL}}}': 42000.0,
    },
    "sglang": {'sglang:generation_tokens_total{model_name="meta-llama/Llama-3.1-8B-Instruct"}': 7557572.0},
    "tgi": {"tgi_request_generated_tokens_sum": 208400.0},
    "triton": {
        'nv_llm_output_token_len_sum{model="tensorrt_llm",response_metric_type="total_output_tokens",version="1"}': (
            164000.0
        )
    },
    "tensorrt-llm": {
        'trtllm_generation_tokens_total{engine_type="trtllm",model_name="nemotron-nano-3"}': 19200.0,
    },
    "nim": {'generation_tokens_total{model_name="meta/llama-3.1-8b-instruct"}': 25600.0},
    "llama.cpp": {"llamacpp:tokens_predicted_total": 2156.0},
}
"""For each engine, what its page in `pages` counts."""


def counted(page: str, engine: str = "") -> Mapping[str, float]:
    tokens = said(page, engine)
    assert isinstance(tokens, Tokens), tokens
    return tokens.counters


def said(page: str | Said, engine: str = "", **options: Any) -> Tokens | Missing:
    with endpoint(lambda asked: page) as root:
        return read_tokens(Serving(url=f"{root}/metrics", engine=engine), None, **options)


def why(page: str | Said, engine: str = "", **options: Any) -> str:
    missing = said(page, engine, **options)
    assert isinstance(missing, Missing)
    assert missing.missing is MissingReason.NOT_READ
    return missing.detail


def test_there_is_a_page_of_every_engine() -> None:
    assert COUNTED.keys() == ENGINES.keys()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_page_of_every_engine_is_read_with_its_name_and_recognised_without(engine: str) -> None:
    page = (PAGES / f"{engine}.txt").read_text()
    for name in (engine, engine.upper(), "", "auto"):
        assert counted(page, name) == COUNTED[engine]


def test_an_engine_whose_names_changed_is_read_with_either() -> None:
    (series,) = counted((PAGES / "sglang_underscore.txt").read_text(), "sglang")
    assert series.startswith("sglang_generation_tokens_total{")


@pytest.mark.parametrize(
    ("spelled", "name"),
    [("text-generation-inference", "tgi"), ("trtllm-serve", "tensorrt-llm"), ("llama-server", "llama.cpp")],
)
def test_an_engine_has_its_other_names_too(spelled: str, name: str) -> None:
    assert engine_named(spelled) is ENGINES[name]


LINE = 'vllm:generation_tokens_total{model_name="a"} '


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("vllm:generation_tokens_total 7", {"vllm:generation_tokens_total": 7.0}),
        ("vllm:generation_tokens 7", {"vllm:generation_tokens": 7.0}),
        (LINE + "1.5e3 1767101433000", {'vllm:generation_tokens_total{model_name="a"}': 1500.0}),
        (LINE + '7 # {trace_id="x"} 1 17', {'vllm:generation_tokens_total{model_name="a"}': 7.0}),
        (LINE + "7\r", {'vllm:generation_tokens_total{model_name="a"}': 7.0}),
        (
            'vllm:generation_tokens_total{b="}\\"\\\\\\n",a="{ 1"} 7',
            {'vllm:generation_tokens_total{a="{ 1",b="}\\"\\\\\\n"}': 7.0},
        ),
        (
            "# TYPE vllm:generation_tokens counter\nvllm:generation_tokens_total 7\n# EOF",
            {"vllm:generation_tokens_total": 7.0},
        ),
    ],
)
def test_the_text_format_is_read_as_it_may_be_written(line: str, expected: Mapping[str, float]) -> None:
    assert counted(f"something that is no metric {{\n{line}\nvllm:other_total NaN\n") == expected


@pytest.mark.parametrize(
    ("page", "engine", "expected"),
    [
        (LINE + "NaN", "", 'vllm:generation_tokens_total{model_name="a"} is nan'),
        (LINE + "+Inf", "", 'vllm:generation_tokens_total{model_name="a"} is inf'),
        (LINE + "9" * 400, "", "is not in the Prometheus text format"),
        (LINE + "-1", "", 'vllm:generation_tokens_total{model_name="a"} is -1.0'),
        (LINE + "much", "", "is not in the Prometheus text format"),
        (f"{LINE}1\n{LINE}2", "", "a series of vllm:generation_tokens_total stands on the page twice"),
        ('vllm:generation_tokens_total{model_name="a} 1', "", "is not in the Prometheus text format"),
        ("up 1", "", "its metrics page has no counter of generated tokens of any engine that esnode knows"),
        ("up 1", "sglang", "its metrics page has no sglang:generation_tokens_total or sglang_generation_tokens_total"),
        ("", "", "its metrics page is empty"),
        ("<!doctype html>", "vllm", "it answered with a web page, not with metrics: give the path of its metrics page"),
        ('[{"iter": 1}]', "", "it answered with JSON, not with a metrics page"),
        (f"{LINE}1\ntgi_request_generated_tokens_sum 2", "", "the page has vllm:generation_tokens and tgi_request"),
        ("up 1", "ollama", 'the engine "ollama" is not known; known are vllm, sglang, tgi,'),
        ("\n".join(f'{LINE[:-3]}{number}"}} 1' for number in range(1001)), "", "more than 1,000"),
    ],
)
def test_a_page_without_the_number_says_what_it_is_instead(page: str, engine: str, expected: str) -> None:
    assert expected in why(page, engine)


def test_an_engine_that_is_named_counts_where_two_do() -> None:
    assert counted(f"{LINE}1\ntgi_request_generated_tokens_sum 2", "tgi") == {"tgi_request_generated_tokens_sum": 2.0}


def test_an_endpoint_that_is_down_or_refuses_is_named_without_its_secrets() -> None:
    with endpoint(lambda asked: "") as root:
        gone = root
    missing = read_tokens(Serving(url=f"{gone}/metrics?key=hunter2"), None)
    assert isinstance(missing, Missing)
    assert missing.detail == f"{gone}/metrics cannot be reached: Connection refused"
    assert "answered 503" in why(Said("starting", status=503))
    assert "no answer within 0.2 s" in why(Said("", delay=1.0), timeout=0.2)


def test_a_page_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "LARGEST", 1000)
    assert "answered with more than 1,000 bytes" in why("x" * 2000)


def test_a_url_may_be_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint(lambda asked: LINE + "1") as root:
        monkeypatch.setenv("VLLM_URL", f"{root}/metrics?key=hunter2")
        assert isinstance(read_tokens(Serving(url="env:VLLM_URL"), None), Tokens)
    missing = read_tokens(Serving(url="env:VLLM_URL"), None)
    assert isinstance(missing, Missing)
    assert missing.detail == "env:VLLM_URL cannot be reached: Connection refused"
    absent = read_tokens(Serving(url="env:NO_SUCH"), None)
    assert isinstance(absent, Missing)
    assert "the environment has no NO_SUCH" in absent.detail


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (a_vector(({"job": "vllm"}, "1234.5")), Tokens(rate=1234.5)),
        (a_vector(), "the query has 0 series and must have one"),
        (a_vector(({"i": "0"}, "1"), ({"i": "1"}, "2")), "the query has 2 series and must have one"),
        (a_vector(({}, "NaN")), "the query's value is nan"),
    ],
)
def test_a_query_says_tokens_per_second_itself(answer: str, expected: Tokens | str) -> None:
    seen: list[Asked] = []

    def answering(asked: Asked) -> str:
        seen.append(asked)
        return answer

    with endpoint(answering) as root:
        tokens = read_tokens(Serving(query="sum(rate(x[1m]))"), PrometheusServer(url=root))
    assert seen[0].path == "/api/v1/query"
    assert tokens == expected if isinstance(expected, Tokens) else expected in str(tokens)


def test_a_query_needs_a_server() -> None:
    missing = read_tokens(Serving(query="up"), None)
    assert isinstance(missing, Missing)
    assert missing.detail == "the node file names no Prometheus server"


def test_the_documents_table_is_the_codes() -> None:
    text = (PROJECT / "docs" / "serving.md").read_text()
    rows = [
        f"| `{row.name}` | {row.title} | {counters} | `{row.page}` | {row.note} |"
        for row in ENGINES.values()
        for counters in [", ".join(f"`{name}`" for name in row.counters)]
    ]
    assert "\n".join(rows) in text
