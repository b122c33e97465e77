"""What befalls the machine: drawn from one source of chance, so that a seed tells the same story again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.soak.stage import CAPPED, GPUS


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`at` is in world seconds from the beginning of its round, `lasts` of one that is mended again, else 0."""

    at: float
    kind: str
    gpu: int = 0
    lasts: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How often in an hour, at least once in each; how long it lasts; one of `details` each time.

    It begins in the first `latest` part of its round.
    """

    per_hour: float
    lasts: tuple[float, float] = (0.0, 0.0)
    details: tuple[str, ...] = ("",)
    gpus: tuple[int, ...] = tuple(range(GPUS))
    latest: float = 1.0


_SETTERS = ("power_limit_watts", "graphics_clock_mhz", "persistence_mode", "compute_mode")
_SENSORS = ("gpu_temp_celsius", "gpu_utilization", "gpu_power_watts")

FAULTS: Mapping[str, Kind] = {
    "no_permission": Kind(per_hour=2, lasts=(60, 400), details=("no_permission",)),
    "not_supported": Kind(
        per_hour=2, lasts=(60, 400), details=tuple(f"not_supported:{name}" for name in (*_SETTERS, *_SENSORS))
    ),
    "gpu_lost": Kind(per_hour=2, lasts=(60, 400), details=("gpu_lost",)),
    "sensor_error": Kind(
        per_hour=3, lasts=(60, 400), details=("sensor_error", *(f"sensor_error:{name}" for name in _SENSORS))
    ),
    "lying_setter": Kind(per_hour=3, lasts=(60, 400), details=("lying_setter", "lying_setter:once")),
    "slow": Kind(per_hour=2, lasts=(60, 300), details=("slow:3", "slow:10", "slow:200:power_limit_watts")),
    "hang": Kind(
        per_hour=2,
        lasts=(30, 120),
        details=("hang", "hang:nvmlDeviceSetPowerManagementLimit", "hang:nvmlDeviceSetGpuLockedClocks"),
    ),
    "timeout": Kind(per_hour=2, lasts=(60, 300), details=tuple(f"timeout:{name}" for name in (*_SETTERS, *_SENSORS))),
    "in_use": Kind(per_hour=2, lasts=(60, 300), details=("in_use", "in_use:power_limit_watts")),
    "driver_restart": Kind(
        per_hour=1, lasts=(10, 60), details=("driver_restart:nvmlDeviceSetPowerManagementLimit", "driver_restart")
    ),
}
"""What `esnode sim set GPU fault=...` knows."""

EVENTS: Mapping[str, Kind] = {
    "driver reloaded": Kind(per_hour=1),
    "boot": Kind(per_hour=1),
    "GPU reset": Kind(per_hour=1),
    "XID": Kind(per_hour=4, details=("79", "79", "31", "48")),
    "hot": Kind(per_hour=10, lasts=(60, 600), details=("84", "88", "93")),
    "idle": Kind(per_hour=8, lasts=(90, 600), gpus=(0, 1, 2, 3)),
    "foreign hand": Kind(per_hour=2, details=("615", "629", "644"), gpus=CAPPED),
    "fight": Kind(per_hour=1, lasts=(900, 1200), latest=0.1),
    "reload": Kind(per_hour=2),
    "broken reload": Kind(per_hour=1),
    "person plans": Kind(per_hour=1),
    "person applies": Kind(per_hour=2),
    "person scans": Kind(per_hour=1),
    "scrapes": Kind(per_hour=40, details=("/metrics", "/healthz", "/readyz", "/status", "/plan")),
    "disk full": Kind(per_hour=1, lasts=(60, 300)),
    "no inodes": Kind(per_hour=1, lasts=(60, 300)),
    "folder gone": Kind(per_hour=1, lasts=(20, 120)),
    "kill driver process": Kind(per_hour=3),
    "kill listener": Kind(per_hour=2),
    "kill loop": Kind(per_hour=4, details=("", "", "and do not wait for it")),
}
"""Everything else."""


def an_hour(chance: random.Random, rounds: int, length: float, *, kills: bool, rate: float = 1.0) -> list[list[Event]]:
    """The events of an hour, each kind at least once, by round; a round has `length` world seconds for them.

    Without `kills` the loop itself lives through the hour. `rate` times as much befalls the machine.
    """
    told: list[list[Event]] = [[] for _ in range(rounds)]
    for name, kind in {**FAULTS, **EVENTS}.items():
        for _ in range(_count(chance, kind, rate)):
            event = Event(
                at=chance.uniform(0, length * kind.latest),
                kind=name,
                gpu=chance.choice(kind.gpus),
                lasts=chance.uniform(*kind.lasts),
                detail=chance.choice(kind.details),
            )
            chance.choice(told).append(event)
    return [sorted(_kept(events, kills), key=lambda event: (event.at, event.kind)) for events in told]


def _kept(events: list[Event], kills: bool) -> Iterator[Event]:
    return (event for event in events if kills or event.kind != "kill loop")


def _count(chance: random.Random, kind: Kind, rate: float) -> int:
    return max(1, round(rate * kind.per_hour * chance.uniform(0.6, 1.4)))
