"""The table of `docs/metrics.md`: what a control loop serves, as the code has it."""

from __future__ import annotations

from esnode.model.exported import EXPORTED, GPU_LABELS
from esnode.storage.profiles.grammar_docs import table, with_tables

METRICS_PAGE = "docs/metrics.md"


def with_metrics(text: str) -> str:
    """The page with its table made anew."""
    return with_tables(text, {"exported": _exported})


def _exported() -> str:
    rows = [
        (f"`{row.name}`", row.type.value, _labels(row.labels) or "none", row.description) for row in EXPORTED.values()
    ]
    return table(("metric", "type", "labels", "meaning"), rows)


def _labels(labels: tuple[str, ...]) -> str:
    of_gpu = ["GPU"] if labels[: len(GPU_LABELS)] == GPU_LABELS else []
    return ", ".join([*of_gpu, *(f"`{label}`" for label in labels if label not in GPU_LABELS)])
