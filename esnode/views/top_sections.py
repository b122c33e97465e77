"""What `esnode top` says below its GPUs: verdicts, settings, changes, warnings. A line each, the urgent first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from esnode.model.audit import AuditEntry, AuditResult
from esnode.model.loop_status import Contested, LoopStatus, ManagedValue
from esnode.model.metrics import metric
from esnode.model.plan import Drift, Operation, Plan, ResourceType, gpu_address
from esnode.model.readings import NOT_READ, Missing, Reading
from esnode.model.settings import GRAPHICS_CLOCK, MEMORY_CLOCK, POWER_LIMIT, SETTINGS, SettingValue
from esnode.model.verdict import Effect, Status, Verdict
from esnode.units import format_duration
from esnode.views.drift_text import show_reading
from esnode.views.folding import fold
from esnode.views.plan_text import STATUS_STYLES
from esnode.views.resources_text import show_value
from esnode.views.spans import Line, cut, fitted, joined, line, width_of
from esnode.views.top_gpus import URGENCY
from esnode.views.top_table import Column, table

_TOGETHER = timedelta(seconds=10)
"""Changes of one kind within so long are one line: one apply writes GPU after GPU."""


_WIDE = 110
"""Columns from which on there is room for the names of profiles."""

_WORDS = {POWER_LIMIT: "limit", GRAPHICS_CLOCK: "lock", MEMORY_CLOCK: "memory lock"}
"""Settings as a verdict's line names them."""


class Section(NamedTuple):
    """A part of the frame: its name, the titles of its columns, its lines."""

    name: str
    titles: Line
    lines: list[Line]


def short_ranges(indexes: Iterable[int]) -> str:
    """`0-2,5`: GPUs in few cells."""
    runs: list[list[int]] = []
    for index in sorted(set(indexes)):
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


# -- verdicts ----------------------------------------------------------------------------------


def verdict_section(status: LoopStatus, width: int) -> Section:
    """Each policy once for each way in which it stands, with the GPUs where it does: those that can be read."""
    plan = status.plan
    indexes = {gpu.identity.uuid: gpu.identity.index for gpu in plan.gpus if not gpu.failure} if plan else {}
    verdicts = [verdict for verdict in plan.verdicts if verdict.gpu in indexes] if plan else []
    if not verdicts:
        return Section("VERDICT", (), [])
    groups = fold(verdicts, lambda verdict: (verdict.profile, verdict.policy, verdict.status))
    groups.sort(key=lambda group: URGENCY[group[0].status])
    firsts = [group[0] for group in groups]
    names = [_named(status, one.profile, one.policy, width) for one in firsts]
    columns = [
        Column(title="VERDICT", keep=99, rows=[line(one.status, *STATUS_STYLES[one.status]) for one in firsts]),
        Column(
            title="GPU", keep=98, least=9, rows=[line(short_ranges(indexes[v.gpu] for v in group)) for group in groups]
        ),
        Column(title="POLICY", keep=97, least=18, widest=_longest(names), rows=[line(name) for name in names]),
        Column(title="WHY", keep=96, least=20, widest=width, rows=[_why(group, indexes) for group in groups]),
    ]
    return Section("VERDICT", *table(columns, width))


def _why(group: Sequence[Verdict], indexes: Mapping[str, int]) -> Line:
    first = group[0]
    if first.status is Status.UNKNOWN:
        return line(first.reason)
    row = metric(first.target)
    values = sorted(verdict.value for verdict in group if not isinstance(verdict.value, Missing))
    span = (
        ""
        if not values
        else row.show(values[0])
        if values[0] == values[-1]
        else f"{values[0]:g}-{row.show(values[-1])}"
    )
    more = [_effects(group, indexes), _progress(group, indexes)]
    if first.status is not Status.ACTIVE:
        # Until it acts, how far it is matters more than what it would do.
        more.reverse()
    return joined([line(f"{row.title} {span} ({first.limit})"), *(line(text) for text in more)], "  ")


def _effects(group: Sequence[Verdict], indexes: Mapping[str, int]) -> str:
    effects = [verdict.effect for verdict in group if verdict.effect]
    moved = [one for one in effects if not SETTINGS[one.setting].is_same(one.before, one.after)]
    if not moved:
        return f"{_short(effects[0].setting)} stays at {_spanned(effects, 'after')}" if effects else ""
    where = f" on GPU {short_ranges(indexes[verdict.gpu] for verdict in group if verdict.effect in moved)}"
    some = where if len(moved) < len(effects) else ""
    return f"{_short(moved[0].setting)} {_spanned(moved, 'before')} → {_spanned(moved, 'after')}{some}"


def _short(setting: str) -> str:
    return _WORDS.get(setting, SETTINGS[setting].title)


def _spanned(effects: Sequence[Effect], side: str) -> str:
    """`700 W`, or `650-700 W` where GPUs differ."""
    setting = SETTINGS[effects[0].setting]
    values = sorted(
        {getattr(effect, side) for effect in effects}, key=lambda value: (str(type(value)), _sortable(value))
    )
    lowest, highest = (setting.show(value) for value in (values[0], values[-1]))
    return highest if lowest == highest else f"{lowest.removesuffix(f' {setting.unit}')}-{highest}"


def _sortable(value: SettingValue) -> float:
    return float(value) if isinstance(value, float | int) else float(getattr(value, "max", 0))


def _progress(group: Sequence[Verdict], indexes: Mapping[str, int]) -> str:
    """What a reason says after the comparison: `true for 1m12s of 2m`."""
    tails = {indexes[verdict.gpu]: _tail(verdict.reason) for verdict in group}
    if len(set(tails.values())) == 1:
        return next(iter(tails.values()))
    index, tail = max(tails.items(), key=lambda entry: len(entry[1]))
    return f"GPU-{index} {tail}"


def _tail(reason: str) -> str:
    found = re.match(r"Current .* \([^()]*\) [<>=] \w+ \([^()]*\)(.*)$", reason)
    return found[1].strip(" :.").partition(";")[0].removesuffix(".") if found else ""


# -- settings ----------------------------------------------------------------------------------


class _Managed(NamedTuple):
    place: int
    value: ManagedValue
    observed: str
    drift: Drift | None
    contested: Contested | None


def setting_section(status: LoopStatus, width: int) -> Section:
    """Managed settings: what was applied, what is there. Contested ones first, then drift, then what is to change."""
    rows = list(_managed(status))
    groups = fold(
        rows, lambda row: (row.value.setting, *_shown_of(row), _note(row), row.value.profile, row.value.policy)
    )
    groups.sort(key=lambda group: (group[0].contested is None, group[0].drift is None, not _is_moving(group[0].value)))
    firsts = [group[0] for group in groups]
    shown = [_shown_of(one) for one in firsts]
    columns = [
        Column(title="SETTING", keep=99, rows=[line(SETTINGS[one.value.setting].title) for one in firsts]),
        Column(
            title="GPU", keep=98, least=9, rows=[line(short_ranges(row.place for row in group)) for group in groups]
        ),
        Column(title="APPLIED", keep=97, rows=[line(applied) for applied, _ in shown]),
        Column(
            title="NOW",
            keep=96,
            least=16,
            rows=[line(now, *_alarm(one)) for one, (_, now) in zip(firsts, shown, strict=True)],
        ),
        Column(title="NOTE", keep=95, least=12, widest=width, rows=[_note_line(one, status, width) for one in firsts]),
    ]
    return Section("SETTING", *(table(columns, width) if rows else ((), [])))


def _managed(status: LoopStatus) -> Iterator[_Managed]:
    plan = status.plan
    gpus = {gpu_address(gpu.identity.uuid): gpu for gpu in plan.gpus} if plan else {}
    contested = {(one.address, one.setting): one for one in status.contested}
    for value in status.managed:
        gpu = gpus.get(value.address)
        if gpu is None or plan is None or value.setting not in SETTINGS:
            continue
        drifts = [drift for drift in plan.drift if drift.address == value.address and value.setting in drift.before]
        yield _Managed(
            place=gpu.identity.index,
            value=value,
            observed=_observed(plan, value, gpu.failure or gpu.settings.get(value.setting, NOT_READ)),
            drift=drifts[0] if drifts else None,
            contested=contested.get((value.address, value.setting)),
        )


def _observed(plan: Plan, value: ManagedValue, reading: Reading[float | bool | str]) -> str:
    """What the hardware shows; of a lock, which it cannot show, how the clocks speak for it."""
    if SETTINGS[value.setting].readable:
        return show_reading(value.setting, reading)
    judged = (lock.status for lock in plan.locks if (lock.address, lock.setting) == (value.address, value.setting))
    return next(iter(judged), "not readable")


def _shown_of(row: _Managed) -> tuple[str, str]:
    return SETTINGS[row.value.setting].show(row.value.applied), row.observed


def _is_moving(value: ManagedValue) -> bool:
    return not SETTINGS[value.setting].is_same(value.applied, value.desired)


def _alarm(row: _Managed) -> tuple[str, ...]:
    return ("bold", "red") if row.drift or row.contested else ()


def _note(row: _Managed) -> str:
    if row.contested:
        return f"CONTESTED {row.contested.count}x, left alone for {format_duration(row.contested.pause)}"
    if row.drift:
        return f"DRIFT {row.drift.cause}"
    return f"goes to {SETTINGS[row.value.setting].show(row.value.desired)}" if _is_moving(row.value) else ""


def _note_line(row: _Managed, status: LoopStatus, width: int) -> Line:
    owner = _named(status, row.value.profile, row.value.policy, width)
    return joined([line(_note(row), *(_alarm(row) or ("yellow",))), line(f"for {owner}", "dim")], "  ")


# -- changes -----------------------------------------------------------------------------------

_DONE = {
    (ResourceType.ALERT, Operation.CREATE): "sent",
    (ResourceType.ALERT, Operation.UPDATE): "sent again",
    (ResourceType.ALERT, Operation.DELETE): "resolved",
    (ResourceType.ALERT, Operation.FORGET): "forgotten",
    (ResourceType.PROCESS, Operation.DELETE): "terminated",
    (ResourceType.NODE, Operation.CREATE): "drained",
    (ResourceType.NODE, Operation.UPDATE): "drained further",
    (ResourceType.NODE, Operation.DELETE): "given back",
}

_RESULTS = {
    AuditResult.APPLIED: ("green",),
    AuditResult.FAILED: ("bold", "red"),
    AuditResult.UNDECIDED: ("yellow",),
}


def change_section(status: LoopStatus, width: int) -> Section:
    """What was done lately, the newest first."""
    groups = _together(status.recent)[::-1]
    indexes = _indexes(status.plan) if status.plan else {}
    today = (status.plan.timestamp if status.plan else status.at).date()
    firsts = [group[0] for group in groups]
    what = [_what(one, status, width) for one in firsts]
    where = [
        short_ranges(found for one in group if (found := _index_in(one.address, indexes)) is not None)
        for group in groups
    ]
    columns = [
        Column(title="UTC", keep=90, rows=[line(_when(one.at, today), "dim") for one in firsts]),
        Column(title="WHO", keep=91, least=14, rows=[line(f"{one.user} {one.operation}") for one in firsts]),
        Column(title="GPU", keep=95, least=9, rows=[line(text) for text in where]),
        Column(title="CHANGE", keep=99, least=24, widest=max(map(width_of, what), default=0), rows=what),
        Column(title="RESULT", keep=98, rows=[line(_result(one), *_RESULTS[one.result]) for one in firsts]),
    ]
    return Section("CHANGE", *(table(columns, width) if groups else ((), [])))


def _together(entries: Sequence[AuditEntry]) -> list[list[AuditEntry]]:
    """Entries that are one change of several GPUs, each with the others of its kind and time."""
    groups: list[list[AuditEntry]] = []
    for entry in entries:
        for group in reversed(groups):
            is_near = entry.at - group[0].at <= _TOGETHER
            if is_near and _shape(entry) == _shape(group[0]) and all(entry.address != one.address for one in group):
                group.append(entry)
                break
        else:
            groups.append([entry])
    return groups


def _shape(entry: AuditEntry) -> tuple[object, ...]:
    kind = (entry.operation, entry.user, entry.type, entry.actions, entry.setting, entry.result, entry.recovered)
    return (*kind, str(entry.before), str(entry.after), entry.profile, entry.policy, entry.note)


def _index_in(address: str, indexes: Mapping[str, int]) -> int | None:
    """The GPU that an address is of or about: `gpu["UUID"]`, `alert["KEY@UUID"]`."""
    return indexes.get(address.partition('["')[2].removesuffix('"]').rpartition("@")[2])


def _when(at: datetime, today: date) -> str:
    return at.strftime("%H:%M:%S" if at.date() == today else "%b %d")


def _what(entry: AuditEntry, status: LoopStatus, width: int) -> Line:
    policy = line(_named(status, entry.profile, entry.policy, width) if entry.policy else "", "dim")
    failed = line(entry.note, "red") if entry.result is AuditResult.FAILED else ()
    if entry.type is ResourceType.GPU:
        return joined([line(_setting_change(entry)), failed, policy], "  ")
    done = _DONE.get((entry.type, entry.actions[0]) if entry.actions else (entry.type, Operation.NO_OP), "changed")
    return joined([line(f"{_resource_name(entry)} {done}"), failed, policy], "  ")


def _setting_change(entry: AuditEntry) -> str:
    settings = [SETTINGS[name] for name in entry.after if name in SETTINGS]
    moves = [
        f"{one.title} {one.show(entry.before.get(one.name))} → {one.show(entry.after[one.name])}" for one in settings
    ]
    return "; ".join(moves) or f"the record of {entry.setting}"


def _resource_name(entry: AuditEntry) -> str:
    values = {**entry.before, **entry.after}
    match entry.type:
        case ResourceType.ALERT:
            return f"alert to {show_value(values.get('channel'))}"
        case ResourceType.PROCESS:
            return f"process {show_value(values.get('pid'))} ({show_value(values.get('name'))})"
        case _:
            return entry.address


def _result(entry: AuditEntry) -> str:
    return f"{entry.result} (recovered)" if entry.recovered else entry.result


# -- warnings ----------------------------------------------------------------------------------


def warning_section(status: LoopStatus, width: int) -> Section:
    found = status.plan.diagnostics if status.plan else ()
    lines = [cut(joined([line(one.summary, "yellow"), line(one.detail, "dim")], "  "), width) for one in found]
    return Section("WARNING", fitted(line("WARNING"), width), lines)


def _named(status: LoopStatus, profile: str, policy: str, width: int) -> str:
    """A policy as people know it; with its profile where there is another and room for it."""
    is_clear = [given.name for given in status.profiles] == [profile]
    return policy if is_clear or width < _WIDE else f"{profile}/{policy}"


def _indexes(plan: Plan) -> dict[str, int]:
    return {gpu.identity.uuid: gpu.identity.index for gpu in plan.gpus}


def _longest(texts: Iterable[str]) -> int:
    return max(map(len, texts), default=0)
