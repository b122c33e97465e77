"""The difference between what a GPU's settings are and what they should be: its one change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from esnode.engine.drift import Findings, corrected_in_words
from esnode.engine.resolve import Desired
from esnode.model.hardware import ObservedGpu
from esnode.model.plan import (
    Because,
    Cause,
    Change,
    HoldStep,
    LockStatus,
    Operation,
    ResourceType,
    Step,
    gpu_address,
)
from esnode.model.readings import Missing
from esnode.model.settings import SETTINGS, SettingValue
from esnode.model.state import ManagedGpu
from esnode.records import replace


def gpu_change(
    gpu: ObservedGpu, record: ManagedGpu, desired: Sequence[Desired], found: Findings, *, reassert: bool = False
) -> Change | None:
    """The one change of a GPU, if anything of it is to be written or recorded.

    A clock lock that drifted is written again although it is wanted as it was; with `reassert`, so is one
    of which nobody can tell whether it still holds.
    """
    written_again = ((item.setting, _written_again(item, found, reassert=reassert)) for item in desired if found.locks)
    again = {setting: why for setting, why in written_again if why}
    writes = [item for item in desired if item.setting in again or not (item.certain and _is_there(item))]
    adopted = [item for item in desired if item not in writes and _is_to_be_adopted(item, record)]
    forget = tuple(item.setting for item in desired if item.forget)
    holds = tuple(step for item in desired for step in item.steps)
    if not (writes or adopted or forget or holds):
        return None
    only_record = not (writes or holds or forget)
    listed = adopted if only_record else sorted([*writes, *adopted], key=lambda item: SETTINGS[item.setting].order)
    shown = listed or [item for item in desired if item.forget or item.steps]
    operation = Operation.FORGET if forget and not listed and not _outlives(holds) else Operation.UPDATE
    because = {item.setting: again.get(item.setting) or _because(item, record, found) for item in shown}
    return Change(
        address=gpu_address(gpu.identity.uuid),
        type=ResourceType.GPU,
        actions=(operation,),
        before={i.setting: record.settings[i.setting].applied if only_record else _present(i) for i in listed},
        after={item.setting: item.value for item in listed},
        reason=Cause.ACCEPT_DRIFT if only_record else because[shown[0].setting].cause,
        order=0,
        gpu=gpu.identity,
        session=gpu.session,
        because=because,
        holds=holds,
        forget=forget,
    )


def _is_there(item: Desired) -> bool:
    return SETTINGS[item.setting].is_same(_present(item), item.value)


def _written_again(item: Desired, found: Findings, *, reassert: bool) -> Because | None:
    """Why a lock that is wanted as it was written is written again; None when it is not."""
    judged = found.lock(item.setting)
    if judged is None or item.forget or not _is_there(item):
        return None
    drift = found.of(item.setting)
    if drift:
        return replace(item.because, cause=Cause.DRIFT, reason=corrected_in_words(item.setting, drift))
    if reassert and judged.status is LockStatus.UNVERIFIABLE:
        return replace(item.because, cause=Cause.REASSERT, reason=f"Nobody can tell whether it holds. {judged.reason}")
    return None


def _present(item: Desired) -> SettingValue:
    return None if isinstance(item.present, Missing) else item.present


def _outlives(holds: Iterable[HoldStep]) -> bool:
    return any(step.step is not Step.END for step in holds)


def _is_to_be_adopted(item: Desired, record: ManagedGpu) -> bool:
    """Somebody else set exactly what is wanted: nothing to write, but the record must say so."""
    managed = record.settings.get(item.setting)
    return managed is not None and not item.forget and not SETTINGS[item.setting].is_same(managed.applied, item.value)


def _because(item: Desired, record: ManagedGpu, found: Findings) -> Because:
    """Why it changes: drift, where what is wanted is what was applied and the hardware shows something else."""
    managed, drift = record.settings.get(item.setting), found.of(item.setting)
    if managed is None or drift is None or item.steps or item.forget or _is_there(item):
        return item.because
    if not SETTINGS[item.setting].is_same(managed.applied, item.value):
        return item.because
    reason = f"{corrected_in_words(item.setting, drift)} {item.because.reason}".rstrip()
    return replace(item.because, cause=Cause.DRIFT, reason=reason)
