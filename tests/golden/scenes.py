"""What `esnode top` is shown in tests: a busy machine, one where much is wrong, one that nobody keeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from esnode.diagnostics import warning
from esnode.model.audit import AuditEntry, AuditResult
from esnode.model.loop_status import Contested, GivenProfile, LoopStatus, ManagedValue, PendingApproval, Reload
from esnode.model.plan import Operation, Plan, ResourceType, gpu_address
from esnode.model.profile import Alert, LockClock
from esnode.model.readings import Missing, MissingReason
from esnode.model.settings import ClockRange
from esnode.model.state import State
from esnode.records import replace
from tests.builders import START, a_gpu, a_policy, a_profile, uuid_of
from tests.unit.engine.machine import FakeMachine

NOW = START + timedelta(seconds=302)

LOST = Missing(missing=MissingReason.GPU_LOST, detail="nvmlDeviceGetHandleByIndex")


def a_status(plan: Plan | None, **members: Any) -> LoopStatus:
    given = plan.profiles if plan else ()
    defaults: dict[str, Any] = {
        "version": "1.0.0",
        "host": "node-01",
        "pid": 4711,
        "user": "ops",
        "state_path": "/var/lib/esnode/esnode.state.json",
        "started_at": START,
        "at": NOW - timedelta(seconds=2),
        "interval": 5.0,
        "patience": 45.0,
        "profiles": tuple(GivenProfile(name=p.name, version=p.version, sha256=p.sha256, path=p.path) for p in given),
        "reload": Reload(at=START),
        "last_cycle_seconds": 0.043,
        "is_ready": True,
        "plan": plan,
    }
    return LoopStatus(**defaults | members)


def managed_in(state: State) -> tuple[ManagedValue, ...]:
    return tuple(
        ManagedValue(
            address=gpu_address(uuid),
            setting=name,
            applied=managed.applied,
            desired=managed.applied,
            profile=managed.owner.profile,
            policy=managed.owner.policy,
        )
        for uuid, record in state.managed.gpus.items()
        for name, managed in record.settings.items()
    )


def a_change(index: int, seconds: float, was: float = 0.0, becomes: float = 0.0, **members: Any) -> AuditEntry:
    limit = "power_limit_watts"
    defaults: dict[str, Any] = {
        "at": START + timedelta(seconds=seconds),
        "operation": "enforce",
        "user": "ops",
        "host": "node-01",
        "lineage": "l",
        "state_serial": 1,
        "address": gpu_address(uuid_of(index)),
        "type": ResourceType.GPU,
        "actions": (Operation.UPDATE,),
        "setting": limit,
        "before": {limit: was},
        "after": {limit: becomes},
        "profile": "train",
        "policy": "cool-down",
    }
    return AuditEntry(**defaults | members)


PROFILE = a_profile(
    a_policy("cool-down", condition="> 82", duration="2m", line=9),
    a_policy(
        "idle-downclock", target="gpu_utilization", condition="< 5%", action=LockClock(frequency_mhz=345), line=20
    ),
    a_policy("full-memory", target="memory_allocated_percent", condition="> 95%", action=Alert(channel="ops"), line=30),
    settings={"power_limit_watts": 680.0},
)


def _machine() -> FakeMachine:
    """Eight H100 five minutes on: 3 and 4 hot and stepped down, 6 idle and locked, 5 hot since a moment ago."""
    metrics = {"memory_allocated_percent": 85.0, "gpu_memory_temp_celsius": 88.0, "gpu_sm_clock_mhz": 1980.0}
    machine = FakeMachine(*(a_gpu(index, metrics={**metrics, "gpu_temp_celsius": 70.0 + index}) for index in range(8)))
    for index in (3, 4):
        machine.set_metric("gpu_temp_celsius", 85.0, index)
    machine.set_metric("gpu_utilization", 0.0, 6)
    machine.set_metric("gpu_power_watts", 118.0, 6)
    for _ in range(6):
        machine.plan_and_apply(PROFILE)
        machine.pass_time(45)
    machine.set_metric("gpu_sm_clock_mhz", 345.0, 6)
    machine.set_metric("gpu_temp_celsius", 80.0, 3)
    machine.set_metric("gpu_temp_celsius", 84.0, 5)
    machine.plan(PROFILE)
    machine.pass_time(30)
    return machine


def busy() -> LoopStatus:
    machine = _machine()
    recent = (
        *(a_change(index, 0, 700.0, 680.0, policy="settings", operation="apply") for index in range(8)),
        a_change(6, 1, **_lock()),
        *(a_change(index, 135, 680.0, 630.0) for index in (3, 4)),
        a_change(2, 201, **_alert("ops")),
    )
    return a_status(machine.plan(PROFILE), managed=managed_in(machine.state), recent=recent)


def _lock() -> dict[str, Any]:
    name = "graphics_clock_mhz"
    lock = ClockRange(min=345, max=345)
    return {"setting": name, "before": {name: None}, "after": {name: lock}, "policy": "idle-downclock"}


def _alert(channel: str) -> dict[str, Any]:
    return {
        "address": f'alert["train/full-memory@{uuid_of(2)}"]',
        "type": ResourceType.ALERT,
        "actions": (Operation.CREATE,),
        "setting": "alert",
        "before": {},
        "after": {"channel": channel},
        "policy": "full-memory",
    }


def troubled() -> LoopStatus:
    machine = _machine()
    gone = replace(machine.gpus[uuid_of(1)], failure=LOST, settings={}, metrics={})
    machine.gpus[uuid_of(1)] = gone
    machine.set_setting("power_limit_watts", 700.0, index=2)
    plan = replace(machine.plan(PROFILE), diagnostics=(warning("GPU-1 could not be read: the GPU is lost"),))
    contested = Contested(
        address=gpu_address(uuid_of(2)),
        setting="power_limit_watts",
        count=4,
        pause=600.0,
        since=START,
        wanted=680.0,
        found=700.0,
    )
    failed = a_change(2, 280, 700.0, 680.0, result=AuditResult.FAILED, note="not permitted", policy="settings")
    return a_status(
        plan,
        managed=managed_in(machine.state),
        contested=(contested,),
        pending=PendingApproval(path="/var/lib/esnode/pending.json", digest="7f3c0a51" * 8, addresses=("node",)),
        recent=(failed,),
        at=NOW - timedelta(minutes=4),
        consecutive_failures=3,
        failure="The state cannot be written: No space left on device",
        next_pause=40.0,
        reload=Reload(at=START, error="training.es:7: policies must be a list"),
        is_simulated=True,
        is_dry_run=True,
    )


def alone() -> LoopStatus:
    """Nobody keeps the machine, and nothing is managed."""
    machine = FakeMachine(a_gpu(0), a_gpu(1))
    return a_status(machine.plan([]), pid=0, interval=2.0, patience=7.0, at=NOW)


def many() -> LoopStatus:
    """More GPUs than a terminal has rows."""
    gpus = [a_gpu(index % 10, identity=_numbered(index)) for index in range(72)]
    machine = FakeMachine(*gpus)
    return a_status(machine.plan(PROFILE))


def _numbered(index: int) -> Any:
    identity = a_gpu().identity
    return replace(identity, index=index, uuid=f"GPU-{index:08}-0000-0000-0000-000000000000")


def begun() -> LoopStatus:
    """A loop before its first plan."""
    return a_status(None, is_ready=False, last_cycle_seconds=0.0)


SCENES: dict[str, Callable[[], LoopStatus]] = {
    "busy": busy,
    "troubled": troubled,
    "alone": alone,
    "many": many,
    "begun": begun,
}
