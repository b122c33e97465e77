"""Notes: sentences on what is as it should be and still worth knowing. Never a change, never an exit code."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from esnode.model.hardware import ObservedGpu
from esnode.model.plan import LockJudgement, LockStatus, gpu_ranges
from esnode.model.readings import Missing
from esnode.model.settings import POWER_LIMIT, SETTINGS


def make_notes(
    gpus: Sequence[ObservedGpu], limited: Collection[str], locks: Iterable[LockJudgement]
) -> tuple[str, ...]:
    """Each note once, with all the GPUs that it is about. `limited` are the UUIDs whose power limit matters."""
    indexes: dict[str, list[int]] = {}
    for gpu in gpus:
        for note in _limited_elsewhere(gpu) if gpu.identity.uuid in limited else ():
            indexes.setdefault(note, []).append(gpu.identity.index)
    for lock in locks:
        if lock.status is LockStatus.UNVERIFIABLE:
            indexes.setdefault(_unverifiable(lock), []).append(lock.gpu.index)
    return tuple(note.replace("{gpu}", gpu_ranges(found)) for note, found in indexes.items())


def _limited_elsewhere(gpu: ObservedGpu) -> Iterator[str]:
    """The limit in force is the lowest of all limiters: the VBIOS, NVML's clients, a BMC. It is not fought."""
    requested, enforced = gpu.setting(POWER_LIMIT), gpu.limits.power_enforced_watts
    setting = SETTINGS[POWER_LIMIT]
    if isinstance(requested, Missing) or isinstance(enforced, Missing) or not isinstance(requested, float | int):
        return
    if enforced < requested - setting.tolerance:
        yield (
            f"The power limit of {{gpu}} is limited elsewhere: {setting.show(enforced)} are enforced, "
            f"{setting.show(requested)} are requested. A BMC or the board itself holds it lower."
        )


def _unverifiable(lock: LockJudgement) -> str:
    setting = SETTINGS[lock.setting]
    return f"The {setting.title} of {{gpu}} ({setting.show(lock.applied)}) cannot be verified. {lock.reason}"
