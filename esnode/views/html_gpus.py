"""Each GPU of a plan as a card: its power limit between what the board takes, its temperature against the policies."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeGuard

from esnode.model.metrics import metric
from esnode.model.plan import Change, Plan, PlannedGpu
from esnode.model.profile import Policy
from esnode.model.readings import Missing, Reading
from esnode.model.settings import POWER_LIMIT, SETTINGS
from esnode.units import format_number
from esnode.views.html_charts import Scale, Tick, scale_svg

TEMPERATURE = "gpu_temp_celsius"
_COLDEST, _HOTTEST = 20.0, 100.0
_ALSO = ("gpu_utilization", "gpu_power_watts")


def gpu_cards(plan: Plan) -> Iterable[str]:
    """A list item for each GPU."""
    changes = {change.gpu.uuid: change for change in plan.changes if change.gpu and POWER_LIMIT in change.after}
    for gpu in plan.gpus:
        who = gpu.identity
        measures = [_power(gpu, changes.get(who.uuid)), _temperature(gpu, _limits(plan, who.uuid)), _rest(gpu)]
        said = f'<p class="quiet">could not be read: {escape(gpu.failure.in_words())}</p>' if gpu.failure else ""
        yield (
            f'<li class="card"><h3>{escape(who.label)} <span class="quiet">{escape(who.model)}</span></h3>'
            f'<code class="quiet">{escape(who.uuid)}</code>{said or "".join(measures)}</li>'
        )


def _power(gpu: PlannedGpu, change: Change | None) -> str:
    setting = SETTINGS[POWER_LIMIT]
    present = gpu.settings.get(POWER_LIMIT)
    low, default, high = gpu.limits.power_min_watts, gpu.limits.power_default_watts, gpu.limits.power_max_watts
    if not (_is_number(present) and _is_number(low) and _is_number(high)):
        return ""
    after = change.after[POWER_LIMIT] if change else present
    if not _is_number(after):
        return ""
    is_moving = not setting.is_same(present, after)
    shown = f"{setting.show(present)} → {setting.show(after)}" if is_moving else setting.show(present)
    ticks = [Tick(at=low, label=f"min {setting.show(low)}"), Tick(at=high, label=f"max {setting.show(high)}")]
    if _is_number(default):
        ticks = [tick for tick in ticks if tick.at != default]
        word = "default, max" if default == high else "default, min" if default == low else "default"
        ticks.append(Tick(at=default, label=f"{word} {setting.show(default)}"))
    said = f"Power limit {shown.replace('→', 'becomes')}; {', '.join(tick.label for tick in ticks)}"
    scale = Scale(low=low, high=high, value=after, before=present if is_moving else None, ticks=ticks, said=said)
    return _measure("Power limit", shown, scale_svg(scale))


def _temperature(gpu: PlannedGpu, policies: list[Policy]) -> str:
    value = gpu.metrics.get(TEMPERATURE)
    if not _is_number(value):
        return _measure("Temperature", value.in_words() if isinstance(value, Missing) else "missing", "")
    limits = sorted({policy.condition.limit for policy in policies})
    is_over = any(policy.condition.is_true(value) for policy in policies)
    high = max([_HOTTEST, value, *(limit + 10 for limit in limits)])
    ticks = [Tick(at=limit, label=f"limit {_celsius(limit)}", style="limit") for limit in limits]
    ends = [Tick(at=_COLDEST, label=_celsius(_COLDEST)), Tick(at=high, label=_celsius(high))]
    said = f"Temperature {_celsius(value)}" + "".join(f", {tick.label}" for tick in ticks)
    style = "over" if is_over else "under" if limits else "fill"
    return _measure(
        "Temperature",
        _celsius(value) + (f", limit {', '.join(_celsius(limit) for limit in limits)}" if limits else ""),
        scale_svg(Scale(low=_COLDEST, high=high, value=value, ticks=[*ticks, *ends], said=said, style=style)),
    )


def _limits(plan: Plan, uuid: str) -> list[Policy]:
    """The policies on this GPU's temperature."""
    found = []
    for verdict in plan.verdicts:
        if verdict.gpu == uuid and verdict.target == TEMPERATURE:
            profile = next((profile for profile in plan.profiles if profile.name == verdict.profile), None)
            policy = profile.policy(verdict.policy) if profile else None
            found += [policy] if policy else []
    return found


def _rest(gpu: PlannedGpu) -> str:
    shown = [f"{metric(name).title} {_reading(name, gpu.metrics.get(name))}" for name in _ALSO]
    return _measure("Now", ", ".join(shown), "")


def _measure(label: str, value: str, picture: str) -> str:
    shown = f"<span>{escape(label)}</span><b>{escape(value)}</b>"
    return f'<div class="measure"><div class="label">{shown}</div>{picture}</div>'


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, float | int) and not isinstance(value, bool)


def _reading(name: str, value: Reading[float] | None) -> str:
    return "missing" if value is None or isinstance(value, Missing) else metric(name).show(round(value, 1))


def _celsius(value: float) -> str:
    return f"{format_number(round(value, 1))} °C"
