"""The difference between what a GPU's settings are and what they should be: its one change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from esnode.engine.resolve import Desired
from esnode.model.hardware import ObservedGpu
from esnode.model.plan import Because, Cause, Change, HoldStep, Operation, ResourceType, Step, gpu_address
from esnode.model.readings import Missing
from esnode.model.settings import SETTINGS, SettingValue
from esnode.model.state import ManagedGpu


def gpu_change(gpu: ObservedGpu, record: ManagedGpu, desired: Sequence[Desired]) -> Change | None:
    """The one change of a GPU, if anything of it is to be written or recorded."""
    writes = [item for item in desired if not (item.certain and _is_there(item))]
    adopted = [item for item in desired if item not in writes and _is_to_be_adopted(item, record)]
    forget = tuple(item.setting for item in desired if item.forget)
    holds = tuple(step for item in desired for step in item.steps)
    if not (writes or adopted or forget or holds):
        return None
    only_record = not (writes or holds or forget)
    listed = adopted if only_record else sorted([*writes, *adopted], key=lambda item: SETTINGS[item.setting].order)
    shown = listed or [item for item in desired if item.forget or item.steps]
    operation = Operation.FORGET if forget and not listed and not _outlives(holds) else Operation.UPDATE
    return Change(
        address=gpu_address(gpu.identity.uuid),
        type=ResourceType.GPU,
        actions=(operation,),
        before={i.setting: record.settings[i.setting].applied if only_record else _present(i) for i in listed},
        after={item.setting: item.value for item in listed},
        reason=Cause.ACCEPT_DRIFT if only_record else _reason(shown[0], record),
        order=0,
        gpu=gpu.identity,
        session=gpu.session,
        because={item.setting: _because(item, record) for item in shown},
        holds=holds,
        forget=forget,
    )


def _is_there(item: Desired) -> bool:
    return SETTINGS[item.setting].is_same(_present(item), item.value)


def _present(item: Desired) -> SettingValue:
    return None if isinstance(item.present, Missing) else item.present


def _outlives(holds: Iterable[HoldStep]) -> bool:
    return any(step.step is not Step.END for step in holds)


def _is_to_be_adopted(item: Desired, record: ManagedGpu) -> bool:
    """Somebody else set exactly what is wanted: nothing to write, but the record must say so."""
    managed = record.settings.get(item.setting)
    return managed is not None and not item.forget and not SETTINGS[item.setting].is_same(managed.applied, item.value)


def _has_drifted(item: Desired, record: ManagedGpu) -> bool:
    """What is wanted is what was applied, and the hardware shows something else."""
    managed = record.settings.get(item.setting)
    if managed is None or item.steps or item.forget:
        return False
    same = SETTINGS[item.setting].is_same
    return same(managed.applied, item.value) and not same(_present(item), item.value)


def _reason(item: Desired, record: ManagedGpu) -> Cause:
    return Cause.DRIFT if _has_drifted(item, record) else item.because.cause


def _because(item: Desired, record: ManagedGpu) -> Because:
    if not _has_drifted(item, record):
        return item.because
    applied = SETTINGS[item.setting].show(item.value)
    reason = f"esnode applied {applied} and somebody changed it; it is corrected. {item.because.reason}".rstrip()
    return replace(item.because, cause=Cause.DRIFT, reason=reason)
