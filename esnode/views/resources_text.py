"""Changes of processes, alerts and the node, for people."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from esnode.model.plan import Change, Operation, ResourceType, gpu_ranges
from esnode.model.settings import SettingValue
from esnode.records import dataclass
from esnode.units import format_duration, format_number
from esnode.views.printable import one_line

_PHRASES = {
    (ResourceType.ALERT, Operation.CREATE): "will be sent",
    (ResourceType.ALERT, Operation.UPDATE): "will be sent again",
    (ResourceType.ALERT, Operation.DELETE): "will be resolved",
    (ResourceType.ALERT, Operation.FORGET): "will be forgotten, nobody is told",
    (ResourceType.PROCESS, Operation.DELETE): "will be terminated",
    (ResourceType.NODE, Operation.CREATE): "will be drained",
    (ResourceType.NODE, Operation.UPDATE): "will be drained further",
    (ResourceType.NODE, Operation.DELETE): "will be given back",
}

# As people look for them; `started`, the exact form of `start_time`, is not for them.
_NAMES = (
    *("pid", "name", "user", "command", "start_time", "grace_period_seconds"),
    *("channel", "severity", "cordoned", "conditions"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRow:
    """One value of a change. `before` or `after` is None where there is none; `note` says what else is to be known."""

    name: str
    before: str | None = None
    after: str | None = None
    note: str = ""

    @property
    def is_change(self) -> bool:
        return self.before is not None and self.after is not None

    def __str__(self) -> str:
        """`= 700 W -> 650 W`, `= 345 MHz, written again`, `is no longer managed`."""
        shown = f"{self.before} -> {self.after}" if self.is_change else self.after or self.before
        return self.note if shown is None else f"= {shown}, {self.note}" if self.note else f"= {shown}"


def resource_shape(change: Change) -> Hashable:
    """Changes of one shape are shown as one: the same alert on several GPUs."""
    if change.type is not ResourceType.ALERT:
        return change.address
    why = tuple((name, why.cause, why.profile, why.policy) for name, why in change.because.items())
    return change.type, change.actions, str(change.before), str(change.after), why


def resource_title(group: Sequence[Change]) -> tuple[str, str]:
    """`alert of llama/heat on GPU-0 to GPU-3`, and what happens to it: `will be sent`."""
    first = group[0]
    phrase = _PHRASES.get((first.type, first.actions[0]), "will be changed")
    gpus = [change.gpu for change in group if change.gpu]
    where = f" on {gpu_ranges(gpu.index for gpu in gpus)}" if gpus else ""
    match first.type:
        case ResourceType.ALERT:
            return f"alert of {first.holds[0].key}{where}", phrase
        case ResourceType.PROCESS:
            name = one_line(str(first.before["name"]))
            return f"process {show_value(first.before['pid'])} ({name}){where}", phrase
        case _:
            return first.address, phrase


def value_rows(change: Change) -> Iterable[ValueRow]:
    """`channel = slack-devops`, `cordoned = no -> yes`."""
    for name in _NAMES:
        if name not in change.before and name not in change.after:
            continue
        before, after = change.before.get(name), change.after.get(name)
        if name in change.before and name in change.after and before != after:
            yield ValueRow(name=name, before=_named(name, before), after=_named(name, after))
        elif name in change.after:
            yield ValueRow(name=name, after=_named(name, after))
        else:
            yield ValueRow(name=name, before=_named(name, before))


def show_value(value: SettingValue) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float() | int():
            return format_number(value)
        case None | "":
            return "(none)"
        case _:
            return one_line(str(value))


def _named(name: str, value: SettingValue) -> str:
    if name.endswith("_seconds") and isinstance(value, float | int):
        return format_duration(value)
    return show_value(value)
