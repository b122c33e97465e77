"""The hardware as a profile would have it: GPUs with equal settings together, and what differs from default.

Wishes and observations are kept apart: what is at its default is listed as such, so that a profile made
from this wants no more than somebody once set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from esnode.engine.drift import default_of
from esnode.model.hardware import Observation, ObservedGpu
from esnode.model.plan import gpu_ranges
from esnode.model.profile import Selector
from esnode.model.readings import Missing
from esnode.model.settings import SETTINGS, ClockRange, SettingValue
from esnode.model.state import ManagedGpu, State
from esnode.records import dataclass

_GLOB = frozenset("*?[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One setting as it is. `value` is None where nobody can tell; `is_wanted` says that a profile should name it."""

    setting: str
    value: SettingValue
    is_wanted: bool
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """GPUs that are set alike, and the selector that is for exactly them on this machine."""

    name: str
    gpus: str
    selector: Selector
    entries: tuple[Entry, ...]


def describe(observation: Observation, state: State, *, everything: bool = False) -> tuple[Description, ...]:
    """Every GPU that can be read, in the order of its index. `everything` wants the defaults, too."""
    groups: dict[tuple[Entry, ...], list[ObservedGpu]] = {}
    for gpu in observation.gpus:
        if gpu.is_readable:
            record = state.managed.gpus.get(gpu.identity.uuid)
            groups.setdefault(tuple(_entries(gpu, record, everything=everything)), []).append(gpu)
    names = _names(list(groups.values()))
    return tuple(
        Description(
            name=name,
            gpus=gpu_ranges(gpu.identity.index for gpu in gpus),
            selector=_selector(gpus, observation),
            entries=entries,
        )
        for name, (entries, gpus) in zip(names, groups.items(), strict=True)
    )


def _entries(gpu: ObservedGpu, record: ManagedGpu | None, *, everything: bool) -> Iterator[Entry]:
    for name, setting in SETTINGS.items():
        managed = record.settings.get(name) if record else None
        value = gpu.setting(name)
        if not setting.readable:
            is_ours = managed is not None and managed.session == gpu.session and isinstance(managed.applied, ClockRange)
            if managed and is_ours:
                yield Entry(setting=name, value=managed.applied, is_wanted=True, remark="as esnode applied it")
            else:
                yield Entry(setting=name, value=None, is_wanted=False, remark="no driver can tell whether it is locked")
        elif isinstance(value, Missing):
            yield Entry(setting=name, value=None, is_wanted=False, remark=value.in_words())
        else:
            default = default_of(name, gpu)
            is_default = default is not None and setting.is_same(default, value)
            # What esnode manages must be named even at its default: left out, it would be given back.
            is_wanted = everything or not is_default or managed is not None
            yield Entry(setting=name, value=value, is_wanted=is_wanted, remark="the default" if is_default else "")


def _selector(gpus: Sequence[ObservedGpu], observation: Observation) -> Selector:
    """Nothing for all GPUs, their models where those are theirs alone, else their UUIDs."""
    others = [gpu for gpu in observation.gpus if gpu not in gpus]
    if not others and not observation.unidentified:
        return Selector()
    models, taken = {_model(gpu) for gpu in gpus}, {_model(gpu) for gpu in others}
    if "" not in models | taken and not models & taken and not observation.unidentified:
        return Selector(tags={"gpu_model": tuple(sorted(models))})
    return Selector(tags={"gpu_uuid": tuple(gpu.identity.uuid for gpu in gpus)})


def _model(gpu: ObservedGpu) -> str:
    """What a selector can match exactly, "" when there is no such word."""
    model = gpu.tags.get("gpu_model", "")
    return "" if isinstance(model, Missing) or set(model) & _GLOB else model


def _names(groups: Sequence[Sequence[ObservedGpu]]) -> list[str]:
    """`imported-h100`, and `imported-h100-2` for the next group of the same model."""
    names: list[str] = []
    for gpus in groups:
        models = sorted({_model(gpu) for gpu in gpus})
        words = "".join(char if char.isalnum() else "-" for char in models[0].lower()) if len(models) == 1 else "gpus"
        base = f"imported-{words.strip('-') or 'gpus'}"
        taken = sum(1 for name in names if name == base or name.startswith(f"{base}-"))
        names.append(f"{base}-{taken + 1}" if taken else base)
    return names
