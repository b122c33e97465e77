"""Valid values with sensible defaults; a test names only what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from esnode.engine.planner import Planned, PlanOptions, make_plan
from esnode.engine.sessions import settle
from esnode.model.alerts import Notification, Occasion
from esnode.model.hardware import (
    GpuIdentity,
    Limits,
    MachineIdKind,
    Moment,
    Node,
    NodeIdentity,
    Observation,
    ObservedGpu,
    Origin,
    Session,
)
from esnode.model.loop_status import Counters, GivenProfile, LoopStatus, Reload
from esnode.model.metrics import METRICS, metric
from esnode.model.plan import Plan
from esnode.model.profile import Action, Policy, Profile, Severity, ThrottlePower
from esnode.model.readings import UNSUPPORTED, WRITE_ONLY, Reading
from esnode.model.settings import SETTINGS, ReadableValue
from esnode.model.state import Observed, State
from esnode.records import replace
from esnode.storage.profiles.values import parse_condition
from esnode.storage.states import with_observation
from esnode.units import parse_duration

BOOT = "boot-1"
START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
SESSION = Session(boot_id=BOOT)
H100_CLOCKS = tuple(range(345, 1981, 15))


def uuid_of(index: int) -> str:
    return f"GPU-0000000{index}-0000-0000-0000-000000000000"


def a_moment(seconds: float = 0, *, boot_id: str = BOOT) -> Moment:
    return Moment(at=START + timedelta(seconds=seconds), uptime=1000.0 + seconds, boot_id=boot_id)


def a_gpu(
    index: int = 0,
    *,
    metrics: Mapping[str, Reading[float]] | None = None,
    settings: Mapping[str, Reading[ReadableValue]] | None = None,
    limits: Limits | None = None,
    session: Session = SESSION,
    **members: Any,
) -> ObservedGpu:
    """A cool, busy H100 at its default power limit, persistence on."""
    readings: dict[str, Reading[float]] = dict.fromkeys(METRICS, UNSUPPORTED)
    readings |= {"gpu_temp_celsius": 60.0, "gpu_utilization": 99.0, "gpu_power_watts": 650.0}
    values: dict[str, Reading[ReadableValue]] = dict.fromkeys(SETTINGS, WRITE_ONLY)
    values |= {"power_limit_watts": 700.0, "persistence_mode": True, "compute_mode": "default"}
    identity = GpuIdentity(
        uuid=uuid_of(index), index=index, name="NVIDIA H100 80GB HBM3", model="H100", pci_bus_id=f"0000000{index}:00"
    )
    defaults: dict[str, Any] = {
        "identity": identity,
        "session": session,
        "tags": {"gpu_model": "H100", "gpu_uuid": identity.uuid, "gpu_index": str(index)},
        "limits": limits
        or Limits(
            power_min_watts=200.0,
            power_default_watts=700.0,
            power_max_watts=700.0,
            power_enforced_watts=700.0,
            graphics_clocks_mhz=H100_CLOCKS,
            memory_clocks_mhz=(1593, 2619),
        ),
        "settings": values | dict(settings or {}),
        "metrics": readings | dict(metrics or {}),
        "energy_joules": 1000.0,
    }
    return ObservedGpu(**defaults | members)


def a_node(**members: Any) -> Node:
    identity = NodeIdentity(machine_id="m1", machine_id_kind=MachineIdKind.MACHINE_ID, hostname="node-01")
    defaults: dict[str, Any] = {
        "identity": identity,
        "boot_id": BOOT,
        "driver_version": "580.105.08",
        "cuda_version": "13.0",
    }
    return Node(**defaults | members)


def an_observation(*gpus: ObservedGpu, at: float = 0, **members: Any) -> Observation:
    defaults: dict[str, Any] = {
        "node": a_node(),
        "taken_at": a_moment(at),
        "origin": Origin.HARDWARE,
        "gpus": gpus or (a_gpu(),),
    }
    return Observation(**defaults | members)


def a_policy(
    name: str = "thermal-safety",
    *,
    target: str = "gpu_temp_celsius",
    condition: str = "> 82",
    duration: str | None = None,
    action: Action | None = None,
    **members: Any,
) -> Policy:
    return Policy(
        name=name,
        target=target,
        condition=parse_condition(condition, metric(target)),
        duration_seconds=parse_duration(duration) if duration else 0.0,
        action=action or ThrottlePower(step_watts=50, min_watts=300),
        **members,
    )


def a_profile(*policies: Policy, name: str = "train", **members: Any) -> Profile:
    return Profile(name=name, version="1.0.0", policies=policies, sha256="0" * 64, **members)


def a_state(observation: Observation | None = None, **members: Any) -> State:
    observed = Observed(observation=observation) if observation else None
    return State(lineage="11111111-1111-1111-1111-111111111111", observed=observed, **members)


def plan_of(
    profiles: Sequence[Profile] | Profile, observation: Observation, state: State | None = None, **options: Any
) -> Plan:
    return planned(profiles, observation, state, **options).plan


def planned(
    profiles: Sequence[Profile] | Profile, observation: Observation, state: State | None = None, **options: Any
) -> Planned:
    """One pass: settled against the state's last observation, then planned."""
    state = state or a_state()
    given = [profiles] if isinstance(profiles, Profile) else list(profiles)
    around = {name: options.pop(name) for name in ("node_file", "neighbours") if name in options}
    return make_plan(given, settle(observation, state.observed), state, PlanOptions(**options), **around)


def replay(policy: Policy, readings: Iterable[tuple[float, Reading[float]]]) -> list[Any]:
    """The verdicts of one policy over (second, value) pairs, each a run of its own, nothing ever applied."""
    state, verdicts = a_state(), []
    for second, value in readings:
        observation = an_observation(a_gpu(metrics={policy.target: value}), at=second)
        result = planned(a_profile(policy), observation, state)
        state = with_observation(state, settle(observation, state.observed), result.clocks)
        verdicts.append(result.plan.verdicts[0])
    return verdicts


def with_setting(gpu: ObservedGpu, name: str, value: Reading[ReadableValue]) -> ObservedGpu:
    return replace(gpu, settings={**gpu.settings, name: value})


def a_notification(**members: Any) -> Notification:
    """GPU-3 of node-01 is too hot, which the channel "ops" is told."""
    identity = GpuIdentity(
        uuid=uuid_of(3), index=3, name="NVIDIA H100 80GB HBM3", model="H100", pci_bus_id="00000003:00"
    )
    defaults: dict[str, Any] = {
        "key": "7f3c0a51",
        "occasion": Occasion.FIRING,
        "address": f'alert["train/thermal-safety@{identity.uuid}"]',
        "channel": "ops",
        "severity": Severity.CRITICAL,
        "profile": "train",
        "policy": "thermal-safety",
        "target": "gpu_temp_celsius",
        "condition": "> 82",
        "value": "91C",
        "reason": "91C is over 82 for 5m.",
        "gpu": identity,
        "host": "node-01",
        "since": START,
        "sent_at": START + timedelta(minutes=5),
        "plan_digest": "d" * 64,
    }
    return Notification(**defaults | members)


def a_status(plan: Plan | None = None, **members: Any) -> LoopStatus:
    """A loop of node-01 that is well, after its third cycle."""
    defaults: dict[str, Any] = {
        "version": "1.2.3",
        "host": "node-01",
        "pid": 4711,
        "user": "root",
        "state_path": "/var/lib/esnode/esnode.state.json",
        "started_at": START - timedelta(seconds=15),
        "at": START,
        "interval": 5.0,
        "patience": 30.0,
        "profiles": (GivenProfile(name="train", version="1.0.0", sha256="0" * 64, path="training.es"),),
        "reload": Reload(at=START - timedelta(seconds=15)),
        "counters": Counters(cycles_ok=3, cycle_seconds=0.33, buckets=(0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)),
        "last_cycle_seconds": 0.12,
        "is_ready": True,
        "plan": plan,
    }
    return LoopStatus(**defaults | members)
