"""One write to one GPU, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from esnode.errors import EsnodeError
from esnode.model.readings import Reading
from esnode.model.settings import ReadableValue, SettingValue


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
