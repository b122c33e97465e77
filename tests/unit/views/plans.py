"""Plans that try to break out of whatever shows them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from esnode.diagnostics import Range, warning
from esnode.model.plan import Plan
from esnode.model.profile import Alert, Profile, Severity
from esnode.records import is_record, members, replace
from tests.builders import a_gpu, a_policy, a_profile
from tests.unit.engine.machine import FakeMachine

NASTY = "\x1b[31m\x9b2J\r\n| x |\n\u202e</td><script>alert(1)</script>`*_[a](javascript:b)@ada &lt;\x00\"'"

FREE = {
    *("reason", "detail", "summary", "evidence", "hostname", "model", "name", "user", "source", "filename", "path"),
    *("notes", "condition", "channel", "overruled", "reasons", "esnode_version", "version", "driver_version"),
}
"""Members whose text comes from people, a driver or a file, and means nothing to esnode."""


def a_full_plan() -> Plan:
    """Changes, drift, verdicts, alerts, notes and warnings."""
    machine = FakeMachine(*(a_gpu(index, metrics={"gpu_temp_celsius": 84.0}) for index in range(3)))
    tell = a_policy("tell", condition="> 80", action=Alert(channel="ops"), severity=Severity.CRITICAL, line=9)
    hot = a_policy(line=3)
    machine.plan_and_apply(a_profile(hot, tell, path="training.es", settings={"graphics_clock_mhz": 1200.0}))
    machine.set_setting("power_limit_watts", 680.0, index=1)
    more = a_policy("more", condition="> 70", action=Alert(channel="night"), severity=Severity.WARNING, line=5)
    plan = machine.plan([a_profile(hot, more, path="training.es"), a_profile(hot, name="other", path="other.es")])
    place = Range(filename="a.es", line=1, column=4, end_column=9, source="a: [b\tc]")
    said = warning("A summary", "A detail", range=place)
    return replace(plan, diagnostics=(*plan.diagnostics, said), notes=(*plan.notes, "A note"))


def a_nasty_plan() -> Plan:
    """The full plan with NASTY at the end of every text that is free."""
    plan: Plan = _spoiled(a_full_plan())
    return plan


def _spoiled(value: Any, name: str = "") -> Any:
    match value:
        case Enum() | Profile():
            return value
        case str() if name in FREE:
            return value + NASTY
        case tuple():
            return tuple(_spoiled(item, name) for item in value)
        case Mapping():
            return {key: _spoiled(item, str(key)) for key, item in value.items()}
        case _ if is_record(type(value)):
            return replace(value, **{key: _spoiled(member, key) for key, member in members(value).items()})
        case _:
            return value
