"""What the engine needs of the world, as Protocols: it knows no hardware, no file and no clock."""

from __future__ import annotations

from typing import Protocol

from esnode.model.hardware import Moment
from esnode.model.plan import Change
from esnode.model.readings import Reading
from esnode.model.report import StepOutcome
from esnode.model.settings import ReadableValue, SettingValue
from esnode.model.state import State


class Clock(Protocol):
    def now(self) -> Moment: ...


class Actuator(Protocol):
    """Writes settings of GPUs. Raises EsnodeError when the driver refuses."""

    def write(self, uuid: str, setting: str, value: SettingValue) -> None: ...

    def read_back(self, uuid: str, setting: str) -> Reading[ReadableValue]: ...


class Recorder(Protocol):
    """Makes a state durable. Raises StateUnwritable when it cannot."""

    def save(self, state: State) -> None: ...


class Progress(Protocol):
    """Told what apply does, as it does it."""

    def started(self, change: Change, setting: str) -> None: ...

    def finished(self, change: Change, outcome: StepOutcome) -> None: ...
