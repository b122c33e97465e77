"""EXPORTED: every metric that a control loop serves at /metrics, one row each.

The page, its documentation, dashboards and rules are made from this table or held to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from esnode.model.settings import SETTINGS, Kind, Setting
from esnode.records import dataclass

GPU_LABELS = ("gpu", "UUID", "pci_bus_id", "device", "modelName", "Hostname")
"""As dcgm-exporter names them, so that its series and ours join."""


class Kept(StrEnum):
    """The label `kind` of a setting's metric: which of its values is meant."""

    DESIRED = "desired"
    APPLIED = "applied"
    OBSERVED = "observed"


class MetricType(StrEnum):
    """OpenMetrics' types, as far as there is any use for them."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """`name` is the whole name of its series; a histogram's get `_bucket`, `_sum` and `_count` behind it."""

    name: str
    type: MetricType
    labels: tuple[str, ...]
    description: str

    @property
    def root(self) -> str:
        """What OpenMetrics calls it: without the suffix that its type brings along."""
        return self.name.removesuffix({MetricType.COUNTER: "_total", MetricType.INFO: "_info"}.get(self.type, ""))

    @property
    def series(self) -> tuple[str, ...]:
        """The names that a query can ask for."""
        is_histogram = self.type is MetricType.HISTOGRAM
        return tuple(self.name + end for end in ("_bucket", "_sum", "_count")) if is_histogram else (self.name,)


def exported_setting(setting: Setting) -> Exported:
    """The metric of a setting. Clocks are in hertz, Prometheus' base unit; a mode is a label."""
    suffix, labels, meaning = _SHAPES[setting.kind]
    name = setting.name.removesuffix("_mhz") if setting.kind is Kind.CLOCK_RANGE else setting.name
    kinds = "desired, applied last by esnode, or observed" if setting.readable else "desired, or applied last by esnode"
    title = setting.title[:1].upper() + setting.title[1:]
    return Exported(
        name=f"esnode_{name}{suffix}",
        type=MetricType.GAUGE,
        labels=(*GPU_LABELS, "kind", *labels),
        description=f"{title}{meaning}: {kinds}.",
    )


_SHAPES: Mapping[Kind, tuple[str, tuple[str, ...], str]] = {
    Kind.WATTS: ("", (), " in watts"),
    Kind.CLOCK_RANGE: ("_hertz", ("bound",), " in hertz, absent when unlocked"),
    Kind.SWITCH: ("", (), ", 1 on, 0 off"),
    Kind.CHOICE: ("", ("mode",), ", 1 for the mode it is"),
}


def _gauge(name: str, labels: tuple[str, ...], description: str) -> Exported:
    return Exported(name=name, type=MetricType.GAUGE, labels=labels, description=description)


def _counter(name: str, labels: tuple[str, ...], description: str) -> Exported:
    return Exported(name=name, type=MetricType.COUNTER, labels=labels, description=description)


def _info(name: str, labels: tuple[str, ...], description: str) -> Exported:
    return Exported(name=name, type=MetricType.INFO, labels=labels, description=description)


def _rows() -> Iterator[Exported]:
    yield _info("esnode_build_info", ("version",), "The esnode that runs the loop.")
    yield _info("esnode_profile_info", ("profile", "version", "sha256"), "The profiles in force.")
    yield _gauge(
        "esnode_profile_reload_success", (), "1 when the profiles, last read, could be used; else the old stay."
    )
    yield _gauge("esnode_profile_reload_timestamp_seconds", (), "When the profiles were last read.")
    yield _counter("esnode_cycles_total", ("result",), "Cycles, by result: ok or failed.")
    yield Exported(
        name="esnode_cycle_duration_seconds",
        type=MetricType.HISTOGRAM,
        labels=(),
        description="How long cycles take.",
    )
    yield _gauge("esnode_last_cycle_timestamp_seconds", (), "When the last cycle ended.")
    yield _gauge("esnode_interval_seconds", (), "Seconds from one cycle to the next.")
    yield _gauge("esnode_consecutive_failures", (), "Cycles that failed since the last one that did not.")
    yield _gauge("esnode_gpu_up", GPU_LABELS, "1 when the GPU can be read, 0 when it is lost or does not answer.")
    policy = (*GPU_LABELS, "profile", "policy")
    yield _gauge("esnode_verdict", (*policy, "status"), "1 for the status of the policy on the GPU, 0 for all others.")
    yield _gauge(
        "esnode_policy_value", (*policy, "target"), "The policy's target, in the target's unit; absent when missing."
    )
    yield _gauge(
        "esnode_policy_limit", (*policy, "target"), "The number in the policy's condition, in the target's unit."
    )
    yield from (exported_setting(setting) for setting in SETTINGS.values())
    yield _gauge("esnode_temperature_celsius", GPU_LABELS, "Temperature of the GPU die.")
    yield _gauge("esnode_power_usage_watts", GPU_LABELS, "Power draw.")
    yield _gauge("esnode_utilization_ratio", GPU_LABELS, "Share of the last sample period in which a kernel ran.")
    yield _gauge("esnode_drift", (*GPU_LABELS, "setting", "cause"), "1 for a setting that is not as esnode applied it.")
    yield _gauge(
        "esnode_setting_contested",
        (*GPU_LABELS, "setting"),
        "1 while some other program keeps changing the setting back.",
    )
    yield _counter("esnode_actions_total", ("type", "action", "result"), "What was done, by type of resource.")
    yield _counter("esnode_errors_total", ("kind",), "Errors, by kind.")
    yield _gauge("esnode_pending_approvals", (), "Changes that wait for a person to apply them.")
    yield _gauge("esnode_loop_dry_run", (), "1 when the loop plans and applies nothing.")


EXPORTED: Mapping[str, Exported] = {row.name: row for row in _rows()}
