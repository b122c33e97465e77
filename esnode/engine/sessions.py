"""Sessions of the driver, and GPUs that were there before: what a refresh means beside the one before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from esnode.model.hardware import Observation, ObservedGpu, Session
from esnode.model.readings import Missing, MissingReason
from esnode.model.state import Observed


def settle(observation: Observation, previous: Observed | None) -> Observation:
    """The observation with each GPU's session worked out and every GPU seen before still in it.

    A GPU's epoch rises when its energy counter, which counts since driver load, went back although
    persistence mode was on when last observed. With persistence off the counter restarts with every
    client, so only the boot id tells. A GPU that was seen on this machine before and is not now
    stays, with its last identity and as unreadable: it is never recorded as one that does not exist.
    """
    if previous is None:
        return observation
    before = {gpu.identity.uuid: gpu for gpu in previous.observation.gpus}
    seen = {gpu.identity.uuid for gpu in observation.gpus}
    gpus = [_continue_session(gpu, before.get(gpu.identity.uuid)) for gpu in observation.gpus]
    if previous.observation.node.identity.machine_id == observation.node.identity.machine_id:
        gone = [gpu for uuid, gpu in before.items() if uuid not in seen]
        gpus += _still_there(gone, observation)
    return replace(observation, gpus=tuple(sorted(gpus, key=lambda gpu: (gpu.identity.index, gpu.identity.uuid))))


def _continue_session(gpu: ObservedGpu, before: ObservedGpu | None) -> ObservedGpu:
    if before is None or before.session.boot_id != gpu.session.boot_id:
        return gpu
    epoch = before.session.epoch + (1 if _was_reloaded(before, gpu) else 0)
    energy = before.energy_joules if isinstance(gpu.energy_joules, Missing) else gpu.energy_joules
    session = Session(boot_id=gpu.session.boot_id, epoch=epoch)
    if gpu.is_readable:
        return replace(gpu, session=session, energy_joules=energy)
    # What a lost GPU is, it was when it was last read; only its readings are gone.
    return replace(before, session=session, failure=gpu.failure, settings={}, metrics={})


def _was_reloaded(before: ObservedGpu, now: ObservedGpu) -> bool:
    if isinstance(before.energy_joules, Missing) or isinstance(now.energy_joules, Missing):
        return False
    persistent = before.is_persistent or not before.is_readable
    return persistent and now.energy_joules < before.energy_joules


def _still_there(gone: Iterable[ObservedGpu], observation: Observation) -> Iterable[ObservedGpu]:
    failures = {lost.index: lost.failure for lost in observation.unidentified}
    absent = Missing(missing=MissingReason.UNREACHABLE, detail="the driver no longer lists it")
    for gpu in gone:
        failure = failures.get(gpu.identity.index, absent)
        yield replace(gpu, failure=failure, settings={}, metrics={})
