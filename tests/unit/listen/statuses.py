"""What a loop says of itself in these tests."""

from __future__ import annotations

from esnode.model.loop_status import Contested, Counters, LoopStatus, ManagedValue, PendingApproval, Reload
from esnode.model.plan import gpu_address
from esnode.model.profile import LockClock
from esnode.model.readings import Missing, MissingReason
from esnode.model.settings import ClockRange
from tests.builders import START, a_gpu, a_policy, a_profile, a_status, uuid_of
from tests.unit.engine.machine import FakeMachine

LOST = Missing(missing=MissingReason.GPU_LOST)


def an_eventful_status() -> LoopStatus:
    """Two GPUs with everything there is to say of them: the first drifted and is contested, the second fell off."""
    profile = a_profile(
        a_policy(condition="> 82"),
        a_policy("idle", target="gpu_utilization", condition="< 5%", action=LockClock(frequency_mhz=210)),
        settings={"power_limit_watts": 600.0, "graphics_clock_mhz": ClockRange(min=345, max=1200)},
    )
    machine = FakeMachine(a_gpu(0, metrics={"gpu_temp_celsius": 84.0}), a_gpu(1))
    machine.plan_and_apply(profile)
    machine.pass_time(5)
    machine.set_setting("power_limit_watts", 680.0)
    machine.gpus[uuid_of(1)] = a_gpu(1, failure=LOST, settings={}, metrics={})
    first, second = gpu_address(uuid_of(0)), gpu_address(uuid_of(1))
    return a_status(
        machine.plan(profile),
        managed=(
            _managed(first, "power_limit_watts", 550.0, 600.0),
            _managed(first, "graphics_clock_mhz", ClockRange(min=345, max=1200), None),
            _managed(second, "power_limit_watts", 600.0, 600.0),
            _managed(gpu_address(uuid_of(7)), "persistence_mode", True, True),
        ),
        contested=(
            Contested(
                address=first,
                setting="power_limit_watts",
                count=4,
                pause=60.0,
                since=START,
                wanted=600.0,
                found=680.0,
            ),
        ),
        pending=PendingApproval(path="/var/lib/esnode/pending.json", digest="d" * 64, addresses=(first, second)),
        reload=Reload(at=START, error='training.es: "gpu_tmp" is no target.'),
        counters=Counters(
            cycles_ok=6,
            cycles_failed=2,
            cycle_seconds=2.5,
            buckets=(0, 0, 1, 4, 2, 0, 0, 1, 0, 0, 0, 0),
            actions={"gpu update applied": 5, "gpu update failed": 1, "alert create applied": 2},
            errors={"driver": 2},
        ),
        consecutive_failures=2,
        failure="GPU-1 is lost.",
        is_dry_run=True,
    )


def _managed(
    address: str, setting: str, applied: float | bool | ClockRange | None, desired: float | bool | ClockRange | None
) -> ManagedValue:
    return ManagedValue(
        address=address, setting=setting, applied=applied, desired=desired, profile="train", policy="settings"
    )
