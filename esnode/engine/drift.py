"""Drift: managed settings whose observed value is not the one that esnode applied, and why."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from esnode.model.hardware import ObservedGpu
from esnode.model.plan import Drift, DriftCause, gpu_address
from esnode.model.readings import Missing, Reading
from esnode.model.settings import POWER_LIMIT, SETTINGS, ReadableValue
from esnode.model.state import ManagedGpu, ManagedSetting


def find_drift(gpu: ObservedGpu, record: ManagedGpu) -> tuple[Drift, ...]:
    """The drift of one GPU, one entry for each cause.

    A setting without a getter drifts when the session in which it was written is over: its lock is
    presumed lost. Within its session nothing is claimed about it.
    """
    found = sorted(_drifted(gpu, record), key=lambda entry: (entry[0], SETTINGS[entry[1]].order))
    return tuple(
        Drift(
            address=gpu_address(gpu.identity.uuid),
            gpu=gpu.identity,
            before={name: record.settings[name].applied for _, name, _ in entries},
            after={name: observed for _, name, observed in entries},
            cause=cause,
        )
        for cause, entries in ((cause, list(group)) for cause, group in groupby(found, key=lambda entry: entry[0]))
    )


def _drifted(gpu: ObservedGpu, record: ManagedGpu) -> Iterator[tuple[DriftCause, str, Reading[ReadableValue]]]:
    for name, managed in record.settings.items():
        setting = SETTINGS[name]
        observed = gpu.setting(name)
        if not gpu.is_readable or (setting.readable and isinstance(observed, Missing)):
            yield DriftCause.UNREADABLE, name, observed
        elif isinstance(observed, Missing):
            if managed.session != gpu.session and managed.applied is not None:
                yield DriftCause.RELOAD, name, observed
        elif not setting.is_same(managed.applied, observed):
            yield _cause(name, managed, observed, gpu), name, observed


def _cause(name: str, managed: ManagedSetting, observed: ReadableValue, gpu: ObservedGpu) -> DriftCause:
    if managed.session != gpu.session:
        return DriftCause.RELOAD
    at_default = name == POWER_LIMIT and SETTINGS[name].is_same(_known(gpu.limits.power_default_watts), observed)
    return DriftCause.NOT_PERSISTENT if at_default and not gpu.is_persistent else DriftCause.EXTERNAL


def _known(reading: Reading[float]) -> float | None:
    return None if isinstance(reading, Missing) else reading
