"""A wanted value, rounded to what one board can do: so that what is read back is what the plan said."""

from __future__ import annotations

from esnode.engine.effects import nearest
from esnode.model.hardware import Limits, ObservedGpu
from esnode.model.readings import Missing, MissingReason
from esnode.model.settings import (
    GRAPHICS_CLOCK,
    POWER_LIMIT,
    SETTINGS,
    ClockRange,
    Percent,
    Setting,
    SettingValue,
    WantedValue,
)
from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """`note` says what was rounded and why; with an `obstacle` there is no value and nothing is done."""

    value: SettingValue = None
    note: str = ""
    obstacle: str = ""


def fit(setting: Setting, wanted: WantedValue, gpu: ObservedGpu) -> Fitted:
    """`wanted` as this GPU can hold it."""
    if setting.readable:
        reading = gpu.setting(setting.name)
        if isinstance(reading, Missing) and reading.missing is MissingReason.UNSUPPORTED:
            return Fitted(obstacle=f"the {setting.title} is {reading.in_words()}")
    match wanted:
        case bool() | str():
            return Fitted(value=wanted)
        case ClockRange():
            return _fit_clocks(setting, wanted, gpu.limits)
        case Percent():
            return _fit_percent(wanted, gpu.limits)
        case _ if setting.name == POWER_LIMIT:
            return _fit_power(wanted, f"{setting.show(wanted)}", gpu.limits)
        case _:
            clock = round(wanted)
            return _fit_clocks(setting, ClockRange(min=clock, max=clock), gpu.limits)


def _fit_percent(wanted: Percent, limits: Limits) -> Fitted:
    default = limits.power_default_watts
    if isinstance(default, Missing):
        return Fitted(obstacle=f"the board's default power limit is {default.in_words()}, so {wanted} of it is unknown")
    share = round(default * wanted.percent / 100, 3)
    return _fit_power(share, f"{wanted} ({SETTINGS[POWER_LIMIT].show(share)})", limits)


def _fit_power(value: float, as_asked: str, limits: Limits) -> Fitted:
    lowest, highest = limits.power_min_watts, limits.power_max_watts
    show = SETTINGS[POWER_LIMIT].show
    if not isinstance(lowest, Missing) and value < lowest:
        return Fitted(value=lowest, note=f"{as_asked} is below this board's minimum; it becomes {show(lowest)}")
    if not isinstance(highest, Missing) and value > highest:
        return Fitted(value=highest, note=f"{as_asked} is above this board's maximum; it becomes {show(highest)}")
    return Fitted(value=float(value))


def _fit_clocks(setting: Setting, wanted: ClockRange, limits: Limits) -> Fitted:
    supported = limits.graphics_clocks_mhz if setting.name == GRAPHICS_CLOCK else limits.memory_clocks_mhz
    if isinstance(supported, Missing):
        return Fitted(obstacle=f"the clocks that this GPU supports are {supported.in_words()}")
    if not supported:
        return Fitted(obstacle="this GPU reports no supported clocks")
    fitted = ClockRange(min=nearest(wanted.min, supported), max=nearest(wanted.max, supported))
    if fitted == wanted:
        return Fitted(value=fitted)
    return Fitted(value=fitted, note=f"{setting.show(wanted)} is not supported; the nearest is {setting.show(fitted)}")
