"""Serving engines, and where each counts the tokens that it generated on its Prometheus page.

Every engine of the table has a counter, so no gauge of tokens per second is read: those are averages over times that
each engine chooses for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """`counters` are its names for generated tokens, newest first; each may stand on a page without its `_total`.

    `source` says where that is documented, `page` where its page is by default, `spelled` what else it is called.
    """

    name: str
    title: str
    counters: tuple[str, ...]
    page: str
    source: str
    note: str = ""
    spelled: tuple[str, ...] = ()


_AT_THE_END: Final = "counted when a request ends"

_ROWS = (
    Engine(
        name="vllm",
        title="vLLM",
        counters=("vllm:generation_tokens_total",),
        page=":8000/metrics",
        source="https://docs.vllm.ai/en/latest/usage/metrics.html; vllm/v1/metrics/loggers.py",
    ),
    Engine(
        name="sglang",
        title="SGLang",
        counters=("sglang:generation_tokens_total", "sglang_generation_tokens_total"),
        page=":30000/metrics",
        source="https://docs.sglang.io/references/production_metrics.html; "
        "https://github.com/sgl-project/sglang/pull/15076 (the other prefix)",
        note="started with `--enable-metrics`",
    ),
    Engine(
        name="tgi",
        title="Text Generation Inference",
        counters=("tgi_request_generated_tokens_sum",),
        page=":8080/metrics",
        source="https://huggingface.co/docs/text-generation-inference/reference/metrics",
        note=f"the sum of a histogram, {_AT_THE_END}",
        spelled=("text-generation-inference",),
    ),
    Engine(
        name="triton",
        title="Triton with the TensorRT-LLM backend",
        counters=("nv_llm_output_token_len_sum",),
        page=":8002/metrics",
        source="https://github.com/NVIDIA/TensorRT-LLM, triton_backend/inflight_batcher_llm/src/"
        "custom_metrics_reporter/custom_metrics_reporter.cc",
        note=f"the sum of a histogram, {_AT_THE_END}; with its vLLM backend, Triton's page is vLLM's",
    ),
    Engine(
        name="tensorrt-llm",
        title="TensorRT-LLM (trtllm-serve)",
        counters=("trtllm_generation_tokens_total",),
        page=":8000/prometheus/metrics",
        source="https://github.com/NVIDIA/TensorRT-LLM, tensorrt_llm/metrics/collector.py",
        note=f"{_AT_THE_END}; `/metrics` there is JSON, and 1.1 and before count no tokens",
        spelled=("trtllm-serve", "trtllm"),
    ),
    Engine(
        name="nim",
        title="NVIDIA NIM for LLMs",
        counters=("generation_tokens_total", "vllm:generation_tokens_total"),
        page=":8000/v1/metrics",
        source="https://docs.nvidia.com/nim/large-language-models/latest/observability.html",
    ),
    Engine(
        name="llama.cpp",
        title="llama.cpp (llama-server)",
        counters=("llamacpp:tokens_predicted_total",),
        page=":8080/metrics",
        source="https://github.com/ggml-org/llama.cpp, tools/server/README.md",
        note="started with `--metrics`",
        spelled=("llama-server", "llamacpp"),
    ),
)

ENGINES: Mapping[str, Engine] = {row.name: row for row in _ROWS}

AUTO: Final = "auto"
"""What a node file says, or leaves out, to have the engine recognised by its page."""


def engine_named(name: str) -> Engine | None:
    """The engine of that name or of another spelling of it, in any case; None for an unknown one."""
    wanted = name.strip().lower()
    return next((row for row in _ROWS if wanted == row.name or wanted in row.spelled), None)


def is_named(name: str) -> bool:
    """Whether the node file says which engine it is, rather than have it recognised."""
    return name.strip().lower() not in ("", AUTO)


def counters_of(name: str) -> tuple[str, ...]:
    """The counters to look for on a page of that engine; of every engine for "" and "auto", none for an unknown one."""
    if not is_named(name):
        return tuple(dict.fromkeys(_all_counters()))
    engine = engine_named(name)
    return engine.counters if engine else ()


def _all_counters() -> Iterator[str]:
    for row in _ROWS:
        yield from row.counters
