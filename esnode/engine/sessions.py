"""Sessions of the driver, and GPUs that were there before: what a refresh means beside the one before it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from esnode.engine.serving import with_tokens_per_watt
from esnode.model.hardware import Clocks, GpuIdentity, Observation, ObservedGpu, Session
from esnode.model.readings import Missing, MissingReason
from esnode.model.state import Observed, State
from esnode.records import replace

_ABSENT = Missing(missing=MissingReason.UNREACHABLE, detail="the driver no longer lists it")


def settle(
    observation: Observation, previous: Observed | None, *, locked: Collection[str] | None = None
) -> Observation:
    """The observation with each GPU's session worked out and every GPU seen before still in it.

    A GPU's epoch rises when its energy counter, which counts since driver load, went back although
    persistence mode was on when last observed. With persistence off the counter restarts with every
    client, so only the boot id tells. A GPU that was seen on this machine before and is not now
    stays, with its last identity and as unreadable: it is never recorded as one that does not exist.

    Where each GPU rests when idle is learned here, from GPUs whose clocks esnode does not lock; `locked`
    are the UUIDs of the others. Without it nothing is learned, and what is known is kept.

    Rates are taken here, too: of serving endpoints, against the samples of earlier observations.
    """
    settled = _merged(observation, previous) if previous else observation
    return _with_idle_clocks(with_tokens_per_watt(observation, settled, previous), previous, locked)


def _merged(observation: Observation, previous: Observed) -> Observation:
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
        if (session, energy) == (gpu.session, gpu.energy_joules):
            return gpu
        return replace(gpu, session=session, energy_joules=energy)
    # What a lost GPU is, it was when it was last read; only its readings are gone.
    return replace(before, session=session, failure=gpu.failure, settings={}, metrics={})


def keep_managed(observation: Observation, state: State) -> Observation:
    """The observation with every managed GPU in it, whatever was remembered of earlier ones.

    A GPU that nobody has seen since its record was written, such as after its state was restored, is
    unreadable and not nothing.
    """
    seen = {gpu.identity.uuid for gpu in observation.gpus}
    absent = [record.identity for uuid, record in state.managed.gpus.items() if uuid not in seen and record.is_managed]
    if not absent:
        return observation
    gpus = [*observation.gpus, *(_never_seen(identity, observation) for identity in absent)]
    return replace(observation, gpus=tuple(sorted(gpus, key=lambda gpu: (gpu.identity.index, gpu.identity.uuid))))


def _never_seen(identity: GpuIdentity, observation: Observation) -> ObservedGpu:
    tags = {
        "gpu_model": identity.model,
        "gpu_name": identity.name,
        "gpu_uuid": identity.uuid,
        "gpu_index": str(identity.index),
        "pci_bus_id": identity.pci_bus_id,
    }
    session = Session(boot_id=observation.taken_at.boot_id)
    return ObservedGpu(identity=identity, session=session, tags=tags, failure=_ABSENT)


def _with_idle_clocks(
    observation: Observation, previous: Observed | None, locked: Collection[str] | None
) -> Observation:
    before = {gpu.identity.uuid: gpu.clocks for gpu in previous.observation.gpus} if previous else {}
    free = set() if locked is None else {gpu.identity.uuid for gpu in observation.gpus} - set(locked)

    def settled(gpu: ObservedGpu) -> ObservedGpu:
        clocks = idle_clocks(gpu, before.get(gpu.identity.uuid), may_learn=gpu.identity.uuid in free)
        return gpu if clocks == gpu.clocks else replace(gpu, clocks=clocks)

    return replace(observation, gpus=tuple(settled(gpu) for gpu in observation.gpus))


def idle_clocks(gpu: ObservedGpu, before: Clocks | None, *, may_learn: bool) -> Clocks:
    """The GPU's clocks with its idle ones: learned now when it idles freely, else as they were known.

    The driver's own "idle" reason is asked for, too: with somebody else's lock in force it is not set.
    """
    is_idle = gpu.metric("gpu_utilization") == 0 and gpu.metric("throttle_reason_gpu_idle") == 1
    sm = gpu.metric("gpu_sm_clock_mhz")
    if may_learn and is_idle and not isinstance(sm, Missing):
        return replace(gpu.clocks, idle_sm_mhz=int(sm), idle_memory_mhz=gpu.clocks.memory_mhz)
    if before is None:
        return gpu.clocks
    return replace(gpu.clocks, idle_sm_mhz=before.idle_sm_mhz, idle_memory_mhz=before.idle_memory_mhz)


def _was_reloaded(before: ObservedGpu, now: ObservedGpu) -> bool:
    if isinstance(before.energy_joules, Missing) or isinstance(now.energy_joules, Missing):
        return False
    persistent = before.is_persistent or not before.is_readable
    return persistent and now.energy_joules < before.energy_joules


def _still_there(gone: Iterable[ObservedGpu], observation: Observation) -> Iterable[ObservedGpu]:
    failures = {lost.index: lost.failure for lost in observation.unidentified}
    for gpu in gone:
        failure = failures.get(gpu.identity.index, _ABSENT)
        yield replace(gpu, failure=failure, settings={}, metrics={})
