"""Processes that are to be ended: one for each GPU in a plan, the one that uses most of what is short."""

from __future__ import annotations

from esnode.engine.conflicts import deferred_kills
from esnode.engine.pick import MEMORY_TARGETS, Picked, pick
from esnode.engine.sites import Actions, Ground, Site, because_of, step_of
from esnode.engine.stand import Stand
from esnode.model.plan import Cause, Change, Operation, ResourceType, Step, process_address
from esnode.model.processes import HostProcess
from esnode.model.profile import KillProcess
from esnode.model.readings import Missing
from esnode.model.verdict import Status

PROCESS = ResourceType.PROCESS.value
_GIB = 2**30


def plan_kills(ground: Ground) -> Actions:
    """A change for each GPU with an ACTIVE kill_process, and why there is none on the others."""
    changes: list[Change] = []
    remarks = dict(deferred_kills(ground))
    for site, stand, kill in ground.acting(KillProcess):
        place = (site.uuid, stand.key)
        if stand.judgement.status is not Status.ACTIVE or place in remarks:
            continue
        if ground.is_forbidden(kill.type):
            remarks[place] = f"Nothing is done: the node file {ground.node_file.path} forbids {kill.type} here."
            continue
        processes = ground.neighbours.on(site.uuid)
        if isinstance(processes, Missing):
            remarks[place] = f"Nothing is done: the processes on it could not be read, {processes.in_words()}."
            continue
        picked = pick(processes, stand.policy.target, protect=ground.node_file.protect)
        if picked.host is None:
            remarks[place] = f"Nothing is done: {picked.why}."
            continue
        why = f"{picked.why}{_memory(picked, stand.policy.target)}"
        changes.append(_change(site, stand, kill, picked.host, why))
    return Actions(changes=tuple(changes), remarks=remarks)


def _change(site: Site, stand: Stand, kill: KillProcess, host: HostProcess, why: str) -> Change:
    because = because_of(stand, Cause.POLICY, f"{stand.judgement.reason} The process {why}.")
    return Change(
        address=process_address(host.pid, site.uuid),
        type=ResourceType.PROCESS,
        actions=(Operation.DELETE,),
        before=_identity(host, kill),
        after={},
        reason=Cause.POLICY,
        order=0,
        gpu=site.scope.gpu.identity,
        because={PROCESS: because},
        holds=(step_of(stand, PROCESS, Step.END, Cause.POLICY, after=None),),
    )


def _memory(picked: Picked, target: str) -> str:
    """What the process has on the GPU, where it was not picked for that."""
    if target in MEMORY_TARGETS or picked.process is None or isinstance(picked.process.memory_bytes, Missing):
        return ""
    return f", and has {picked.process.memory_bytes / _GIB:.1f} GiB of its memory"


def _identity(host: HostProcess, kill: KillProcess) -> dict[str, float | bool | str | None]:
    return {
        "pid": float(host.pid),
        "name": host.name,
        "user": host.user,
        "command": host.command,
        "start_time": host.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "started": host.started,
        "grace_period_seconds": kill.grace_period_seconds,
    }
