"""SETTINGS: every value of a GPU that esnode can write, one row each.

Schema, refresh, plan, apply and docs read this table. A new setting is one row here, a reader in
`sensors/gpu.py` (if NVML has a getter) and a writer in `actuators/gpu.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import TypeAlias

from esnode.records import dataclass
from esnode.units import format_number

POWER_LIMIT = "power_limit_watts"
GRAPHICS_CLOCK = "graphics_clock_mhz"
MEMORY_CLOCK = "memory_clock_mhz"
PERSISTENCE = "persistence_mode"
COMPUTE_MODE = "compute_mode"

COMPUTE_MODES = ("default", "exclusive_thread", "prohibited", "exclusive_process")
"""By NVML's number, 0 to 3 (nvmlComputeMode_t)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRange:
    """The two ends of a clock lock, in MHz."""

    min: int
    max: int

    def __str__(self) -> str:
        return f"{self.min}" if self.min == self.max else f"{self.min}-{self.max}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Percent:
    """A share of the board's default, as a person wrote it: `"80%"`."""

    percent: float

    def __str__(self) -> str:
        return f"{format_number(self.percent)}%"


ReadableValue: TypeAlias = float | bool | str
"""What a driver can report of a setting: watts, on or off, a mode's name."""

SettingValue: TypeAlias = float | bool | str | ClockRange | None
"""What esnode can write. None is "no lock": the setting as the driver has it when nobody set it."""

WantedValue: TypeAlias = float | bool | str | ClockRange | Percent
"""What a profile asks for, before it is rounded to what the hardware can do."""


class Kind(StrEnum):
    """The shape of a setting's value."""

    WATTS = "watts"
    CLOCK_RANGE = "clock_range"
    SWITCH = "switch"
    CHOICE = "choice"


class Phase(IntEnum):
    """When apply writes: every GPU finishes one phase before the next begins."""

    PERSISTENCE_ON = 1
    LOWERING = 2
    PROCESSES = 3
    RAISING = 4
    NODE = 5
    ALERTS = 6
    PERSISTENCE_OFF = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`tolerance` is how far two values may be apart and still be the same one.

    `volatile` settings are gone after a driver reload, a GPU reset or a reboot.
    """

    name: str
    title: str
    unit: str
    kind: Kind
    readable: bool
    tolerance: float
    order: int
    description: str
    volatile: bool = True

    def is_same(self, one: SettingValue, other: SettingValue) -> bool:
        """Whether two values of this setting are one and the same to the hardware."""
        if isinstance(one, float | int) and isinstance(other, float | int):
            return abs(one - other) <= self.tolerance
        return one == other

    def phase(self, before: SettingValue, after: SettingValue) -> Phase:
        """Lowering comes before raising; persistence is first on and last off."""
        if self.name == PERSISTENCE:
            return Phase.PERSISTENCE_ON if after else Phase.PERSISTENCE_OFF
        return Phase.LOWERING if restriction(after) < restriction(before) else Phase.RAISING

    def show(self, value: SettingValue) -> str:
        """For people, with the unit: `650 W`, `345 MHz`, `unlocked`, `on`."""
        match value:
            case None:
                return "unlocked"
            case bool():
                return "on" if value else "off"
            case float() | int():
                return f"{format_number(value)} {self.unit}"
            case ClockRange():
                return f"{value} {self.unit}"
            case _:
                return value


def restriction(value: SettingValue) -> tuple[float, float]:
    """Sorts values of one setting from the most to the least restrictive. Ranges go by max, then min."""
    match value:
        case ClockRange():
            return (value.max, value.min)
        case bool() | str() | None:
            return (float("inf"), float("inf"))
        case _:
            return (value, value)


_ROWS = (
    Setting(
        name=PERSISTENCE,
        title="persistence mode",
        unit="",
        kind=Kind.SWITCH,
        readable=True,
        tolerance=0,
        order=1,
        description="Keeps the GPU initialised when no client has it open; without it, other settings are lost then.",
    ),
    Setting(
        name=POWER_LIMIT,
        title="power limit",
        unit="W",
        kind=Kind.WATTS,
        readable=True,
        # How the driver rounds odd milliwatt values is documented nowhere, so less than a watt is no difference.
        tolerance=0.999,
        order=2,
        description='The requested power limit in watts, or in percent of the board\'s default ("80%").',
    ),
    Setting(
        name=GRAPHICS_CLOCK,
        title="graphics clock lock",
        unit="MHz",
        kind=Kind.CLOCK_RANGE,
        readable=False,
        tolerance=0,
        order=3,
        description="Locks the graphics and SM clock to a value or a range. NVML has no getter for it.",
    ),
    Setting(
        name=MEMORY_CLOCK,
        title="memory clock lock",
        unit="MHz",
        kind=Kind.CLOCK_RANGE,
        readable=False,
        tolerance=0,
        order=4,
        description="Locks the memory clock to a value or a range (Ampere and later). NVML has no getter for it.",
    ),
    Setting(
        name=COMPUTE_MODE,
        title="compute mode",
        unit="",
        kind=Kind.CHOICE,
        readable=True,
        tolerance=0,
        order=5,
        description="Who may create compute contexts: default, exclusive_process or prohibited.",
    ),
)

SETTINGS: Mapping[str, Setting] = {row.name: row for row in _ROWS}
