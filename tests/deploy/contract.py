"""The metrics of the control loop, by name with their labels: what rules and dashboard are held to."""

from __future__ import annotations

from typing import Final

_GPU: Final = ("gpu", "UUID", "pci_bus_id", "device", "modelName", "Hostname")
_POLICY: Final = (*_GPU, "profile", "policy")

LABELS: Final[dict[str, tuple[str, ...]]] = {
    "esnode_build_info": ("version",),
    "esnode_profile_info": ("profile", "version", "sha256"),
    "esnode_profile_reload_success": (),
    "esnode_profile_reload_timestamp_seconds": (),
    "esnode_cycles_total": ("result",),
    "esnode_cycle_duration_seconds_bucket": ("le",),
    "esnode_cycle_duration_seconds_count": (),
    "esnode_cycle_duration_seconds_sum": (),
    "esnode_last_cycle_timestamp_seconds": (),
    "esnode_interval_seconds": (),
    "esnode_consecutive_failures": (),
    "esnode_gpu_up": _GPU,
    "esnode_verdict": (*_POLICY, "status"),
    "esnode_policy_value": (*_POLICY, "target"),
    "esnode_policy_limit": (*_POLICY, "target"),
    "esnode_power_limit_watts": (*_GPU, "kind"),
    "esnode_graphics_clock_hertz": (*_GPU, "kind", "bound"),
    "esnode_memory_clock_hertz": (*_GPU, "kind", "bound"),
    "esnode_persistence_mode": (*_GPU, "kind"),
    "esnode_compute_mode": (*_GPU, "kind", "mode"),
    "esnode_temperature_celsius": _GPU,
    "esnode_power_usage_watts": _GPU,
    "esnode_utilization_ratio": _GPU,
    "esnode_drift": (*_GPU, "setting", "cause"),
    "esnode_setting_contested": (*_GPU, "setting"),
    "esnode_actions_total": ("type", "action", "result"),
    "esnode_errors_total": ("kind",),
    "esnode_pending_approvals": (),
    "esnode_loop_dry_run": (),
}

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
