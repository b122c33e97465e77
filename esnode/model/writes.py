"""What actuators are asked to do, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from esnode.errors import EsnodeError
from esnode.model.readings import Reading
from esnode.model.settings import ReadableValue, SettingValue
from esnode.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """`value` in the setting's unit; None takes a clock lock off."""

    uuid: str
    setting: str
    value: SettingValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """`error` is what the driver said against it, if anything; `read_back` what the GPU showed after, error or not.

    `read_back` is None for a setting without a getter. `seconds` is how long it took.
    """

    error: EsnodeError | None
    read_back: Reading[ReadableValue] | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Termination:
    """End one process: SIGTERM, `grace_seconds`, SIGKILL. `pid` and `started` (seconds since boot) say which."""

    pid: int
    started: float
    name: str
    uuid: str
    grace_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of an order to anything but a GPU. `note` is a sentence on how it went ("ended by SIGTERM after 2s").

    `error` is None when it was done and seen to be done. `read_back` is what was found afterwards, by name.
    """

    error: EsnodeError | None
    note: str = ""
    read_back: Mapping[str, SettingValue] = field(default_factory=dict)
    seconds: float = 0.0
