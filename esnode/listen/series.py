"""The series of each metric of EXPORTED, read from what the loop says of itself. A missing reading has no series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from esnode.model.exported import Exported, Kept, exported_setting
from esnode.model.hardware import GpuIdentity
from esnode.model.loop_status import CYCLE_BUCKETS, LoopStatus
from esnode.model.plan import PlannedGpu, gpu_address
from esnode.model.readings import NOT_READ, Missing, Reading
from esnode.model.settings import SETTINGS, ClockRange, Setting, SettingValue
from esnode.model.verdict import Status, Verdict

Labels = dict[str, str]


class Series(NamedTuple):
    """`suffix` is what a histogram's series have behind the metric's name."""

    labels: Labels
    value: float
    suffix: str = ""


def series_of(row: Exported, status: LoopStatus) -> list[Series]:
    """Each at most once, in the order of the GPUs."""
    found = {(one.suffix, *one.labels.items()): one for one in _SOURCES[row.name](status)}
    return list(found.values())


# -- the loop ----------------------------------------------------------------------------------


def _build(status: LoopStatus) -> Iterable[Series]:
    yield Series({"version": status.version}, 1)


def _profiles(status: LoopStatus) -> Iterable[Series]:
    for profile in status.profiles:
        yield Series({"profile": profile.name, "version": profile.version, "sha256": profile.sha256}, 1)


def _cycles(status: LoopStatus) -> Iterable[Series]:
    yield Series({"result": "ok"}, status.counters.cycles_ok)
    yield Series({"result": "failed"}, status.counters.cycles_failed)


def _durations(status: LoopStatus) -> Iterable[Series]:
    bounds = [*(str(bound) for bound in CYCLE_BUCKETS), "+Inf"]
    for bound, count in zip(bounds, accumulate(status.counters.buckets), strict=True):
        yield Series({"le": bound}, count, "_bucket")
    yield Series({}, sum(status.counters.buckets), "_count")
    yield Series({}, status.counters.cycle_seconds, "_sum")


def _actions(status: LoopStatus) -> Iterable[Series]:
    for key, count in sorted(status.counters.actions.items()):
        kind, _, rest = key.partition(" ")
        action, _, result = rest.rpartition(" ")
        yield Series({"type": kind, "action": action, "result": result}, count)


def _errors(status: LoopStatus) -> Iterable[Series]:
    for kind, count in sorted(status.counters.errors.items()):
        yield Series({"kind": kind}, count)


def _one(value: Callable[[LoopStatus], float]) -> Callable[[LoopStatus], Iterable[Series]]:
    """The one series of a metric without labels."""
    return lambda status: [Series({}, value(status))]


# -- GPUs --------------------------------------------------------------------------------------


def _up(status: LoopStatus) -> Iterable[Series]:
    for gpu, labels in _gpus(status):
        yield Series(labels, gpu.failure is None)


def _metric(name: str, scale: float = 1.0) -> Callable[[LoopStatus], Iterable[Series]]:
    def read(status: LoopStatus) -> Iterable[Series]:
        for gpu, labels in _gpus(status):
            reading: Reading[float] = gpu.failure or gpu.metrics.get(name, NOT_READ)
            if not isinstance(reading, Missing):
                yield Series(labels, reading * scale)

    return read


def _drift(status: LoopStatus) -> Iterable[Series]:
    for drift in status.plan.drift if status.plan else ():
        labels = gpu_labels(drift.gpu, status.host)
        for setting in sorted({*drift.before, *drift.after}):
            yield Series(labels | {"setting": setting, "cause": drift.cause}, 1)


def _contested(status: LoopStatus) -> Iterable[Series]:
    for contested in status.contested:
        yield Series(_labels_at(contested.address, status) | {"setting": contested.setting}, 1)


# -- policies ----------------------------------------------------------------------------------


def _verdicts(status: LoopStatus) -> Iterable[Series]:
    for verdict, labels in _judged(status):
        for one in Status:
            yield Series(labels | {"status": one}, verdict.status is one)


def _values(status: LoopStatus) -> Iterable[Series]:
    for verdict, labels in _judged(status):
        if not isinstance(verdict.value, Missing):
            yield Series(labels | {"target": verdict.target}, verdict.value)


def _limits(status: LoopStatus) -> Iterable[Series]:
    profiles = {profile.name: profile for profile in status.plan.profiles} if status.plan else {}
    for verdict, labels in _judged(status):
        profile = profiles.get(verdict.profile)
        policy = profile.policy(verdict.policy) if profile else None
        if policy:
            yield Series(labels | {"target": verdict.target}, policy.condition.limit)


def _judged(status: LoopStatus) -> Iterator[tuple[Verdict, Labels]]:
    for verdict in status.plan.verdicts if status.plan else ():
        labels = _labels_at(gpu_address(verdict.gpu), status)
        yield verdict, labels | {"profile": verdict.profile, "policy": verdict.policy}


# -- settings ----------------------------------------------------------------------------------


def _setting(setting: Setting) -> Callable[[LoopStatus], Iterable[Series]]:
    def read(status: LoopStatus) -> Iterable[Series]:
        for kept, labels, value in _kept(setting, status):
            for extra, number in _numbers(value):
                yield Series(labels | {"kind": kept} | extra, number)

    return read


def _kept(setting: Setting, status: LoopStatus) -> Iterator[tuple[Kept, Labels, SettingValue]]:
    """What the setting should be, what esnode made it, and what it is, where that can be told."""
    for managed in status.managed:
        if managed.setting == setting.name:
            labels = _labels_at(managed.address, status)
            yield Kept.DESIRED, labels, managed.desired
            yield Kept.APPLIED, labels, managed.applied
    for gpu, labels in _gpus(status):
        reading = gpu.failure or gpu.settings.get(setting.name, NOT_READ)
        if not isinstance(reading, Missing):
            yield Kept.OBSERVED, labels, reading


def _numbers(value: SettingValue) -> Iterator[tuple[Labels, float]]:
    """A value as Prometheus can have it: in base units, a mode as a label."""
    match value:
        case None:
            return
        case ClockRange():
            yield {"bound": "min"}, value.min * 1e6
            yield {"bound": "max"}, value.max * 1e6
        case str():
            yield {"mode": value}, 1
        case _:
            yield {}, value


# -- labels ------------------------------------------------------------------------------------


def gpu_labels(gpu: GpuIdentity, host: str) -> Labels:
    return {
        "gpu": str(gpu.index),
        "UUID": gpu.uuid,
        "pci_bus_id": gpu.pci_bus_id,
        "device": f"nvidia{gpu.index}",
        "modelName": gpu.name,
        "Hostname": host,
    }


def _gpus(status: LoopStatus) -> Iterator[tuple[PlannedGpu, Labels]]:
    for gpu in status.plan.gpus if status.plan else ():
        yield gpu, gpu_labels(gpu.identity, status.host)


def _labels_at(address: str, status: LoopStatus) -> Labels:
    """Of a GPU that the last plan no longer saw, only the UUID is known."""
    for gpu, labels in _gpus(status):
        if gpu_address(gpu.identity.uuid) == address:
            return labels
    return {"UUID": address.partition('["')[2].removesuffix('"]'), "Hostname": status.host}


_SOURCES: Mapping[str, Callable[[LoopStatus], Iterable[Series]]] = {
    "esnode_build_info": _build,
    "esnode_profile_info": _profiles,
    "esnode_profile_reload_success": _one(lambda status: not status.reload.error),
    "esnode_profile_reload_timestamp_seconds": _one(lambda status: status.reload.at.timestamp()),
    "esnode_cycles_total": _cycles,
    "esnode_cycle_duration_seconds": _durations,
    "esnode_last_cycle_timestamp_seconds": _one(lambda status: status.at.timestamp()),
    "esnode_interval_seconds": _one(lambda status: status.interval),
    "esnode_consecutive_failures": _one(lambda status: status.consecutive_failures),
    "esnode_gpu_up": _up,
    "esnode_verdict": _verdicts,
    "esnode_policy_value": _values,
    "esnode_policy_limit": _limits,
    **{exported_setting(setting).name: _setting(setting) for setting in SETTINGS.values()},
    "esnode_temperature_celsius": _metric("gpu_temp_celsius"),
    "esnode_power_usage_watts": _metric("gpu_power_watts"),
    "esnode_utilization_ratio": _metric("gpu_utilization", 0.01),
    "esnode_drift": _drift,
    "esnode_setting_contested": _contested,
    "esnode_actions_total": _actions,
    "esnode_errors_total": _errors,
    "esnode_pending_approvals": _one(lambda status: len(status.pending.addresses) if status.pending else 0),
    "esnode_loop_dry_run": _one(lambda status: status.is_dry_run),
}
