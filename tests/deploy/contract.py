"""The metrics of the control loop, by name with their labels: what rules and dashboard are held to."""

from __future__ import annotations

from typing import Final

from esnode.model.exported import EXPORTED

LABELS: Final[dict[str, tuple[str, ...]]] = {
    series: (*row.labels, "le") if series.endswith("_bucket") else row.labels
    for row in EXPORTED.values()
    for series in row.series
}
"""Of each series that a query can ask for, as the loop serves it."""

METRICS: Final = frozenset(LABELS)

FOREIGN: Final = frozenset({"node_systemd_unit_state"})
"""Of other exporters, which rules may name: node_exporter's, for the unit of esnode-scan."""

TARGET_LABELS: Final = frozenset({"job", "instance"})
"""What Prometheus itself gives every series."""

VALUES: Final[dict[str, tuple[str, ...]]] = {
    "gpu": ("0", "1"),
    "Hostname": ("node-01",),
    "kind": ("desired", "applied", "observed"),
    "bound": ("min", "max"),
    "status": ("SKIPPED", "MONITORING", "PENDING", "ACTIVE", "HOLDING", "RELEASING", "UNKNOWN"),
    "target": ("gpu_temp_celsius",),
    "result": ("ok", "failed", "applied"),
    "le": ("0.1", "1.0", "+Inf"),
}
"""Values of labels; any other label has one, its own name."""
