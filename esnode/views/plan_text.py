"""A plan for people: the machine as it is, how each policy stands, what would be done and why.

Identical GPUs are folded into one line; drift comes first and is never hidden by an empty plan.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from esnode.model.hardware import Origin
from esnode.model.metrics import metric
from esnode.model.plan import (
    Cause,
    Change,
    Drift,
    Mode,
    Operation,
    Plan,
    PlannedGpu,
    ResourceType,
    count_operations,
    gpu_ranges,
)
from esnode.model.profile import Severity
from esnode.model.readings import Missing, Reading
from esnode.model.settings import SETTINGS, ReadableValue, SettingValue
from esnode.model.verdict import Match, Status, Verdict
from esnode.views.resources_text import resource_shape, resource_title, value_lines
from esnode.views.text import Paint, assignments, counted, plain_text

T = TypeVar("T")

_STATE_METRICS = ("gpu_temp_celsius", "gpu_power_watts", "gpu_utilization")

_STATUS_NOTES = {
    Status.SKIPPED: "",
    Status.MONITORING: "No action needed yet",
    Status.UNKNOWN: "Nothing is done",
}

STATUS_STYLES = {
    Status.ACTIVE: ("bold", "red"),
    Status.PENDING: ("yellow",),
    Status.MONITORING: ("yellow",),
    Status.HOLDING: ("cyan",),
    Status.RELEASING: ("green",),
    Status.UNKNOWN: ("yellow",),
    Status.SKIPPED: ("dim",),
}

_SYMBOLS = {
    Operation.CREATE: ("+", "green", "will be created"),
    Operation.UPDATE: ("~", "yellow", "will be updated in-place"),
    Operation.DELETE: ("-", "red", "will be destroyed"),
    Operation.FORGET: (".", "cyan", "will no longer be managed, the hardware is not touched"),
    Operation.NO_OP: (" ", "dim", "stays as it is"),
}


_REFRESH_ONLY = (
    "This is a refresh-only plan, so esnode will not take any actions to undo these. If you were expecting\n"
    "these changes then you can apply this plan to record them, without touching the hardware:"
)

_NO_CHANGES = {
    Mode.NORMAL: "The hardware matches the profile.",
    Mode.DESTROY: "Nothing is managed any more.",
    Mode.ROLLBACK: "Everything is as it was before the last apply.",
    Mode.REFRESH_ONLY: "The hardware still is as esnode applied it.",
    Mode.CORRECT: "There is no drift to correct.",
}


def plan_text(plan: Plan, paint: Paint) -> str:
    """The whole plan, without a line end."""
    sections = [
        banner(plan, paint),
        "\n".join(_state_line(gpu, paint) for gpu in plan.gpus) or "No GPU was found.",
        _drift_section(plan, paint),
        "\n".join(paint(f"Note: {plain_text(note)}", "dim") for note in plan.notes),
        _policy_section(plan, paint),
        _selection_section(plan, paint),
        _change_section(plan, paint),
        paint(summary_line(plan), "bold"),
    ]
    return "\n\n".join(section for section in sections if section)


def changes_text(plan: Plan, paint: Paint) -> str:
    """What would be done, and its summary: what apply shows before it does it."""
    sections = [banner(plan, paint), _change_section(plan, paint), paint(summary_line(plan), "bold")]
    return "\n\n".join(section for section in sections if section)


def summary_line(plan: Plan) -> str:
    """`Plan: 0 to add, 1 to change, 0 to destroy.` or `No changes. ...`, and how many GPUs could not be read."""
    unread = sum(1 for gpu in plan.gpus if gpu.failure)
    unreadable = f" {counted(unread, 'GPU')} could not be read." if unread else ""
    if not plan.changes:
        return f"No changes. {_NO_CHANGES[plan.mode]}{unreadable}"
    if plan.mode is Mode.REFRESH_ONLY:
        return f"Plan: to record drift of {counted(len(plan.changes), 'GPU')}, nothing is written to it.{unreadable}"
    added, changed, destroyed, forgotten = count_operations(plan.changes)
    forget = f", {forgotten} to forget" if forgotten else ""
    return f"Plan: {added} to add, {changed} to change, {destroyed} to destroy{forget}.{unreadable}"


def next_steps(plan: Plan, saved_to: Path | None) -> str:
    """What to run next, when there is something to do."""
    if not plan.changes:
        return f"Saved the plan to: {saved_to}" if saved_to else ""
    if plan.is_reviewable_only:
        note = "A plan from a capture is for review: plan on the machine itself to apply it."
        return f"Saved the plan to: {saved_to}\n{note}" if saved_to else note
    if saved_to is None:
        return "Note: this plan was not saved, so it cannot be applied. Save one with -out=FILE."
    return f"Saved the plan to: {saved_to}\n\nTo perform exactly these actions, run:\n    esnode apply {saved_to}"


def banner(plan: Plan, paint: Paint) -> str:
    match plan.origin:
        case Origin.SIMULATED:
            return paint(f"SIMULATED machine {plan.node.identity.hostname}: no hardware is read or written.", "bold")
        case Origin.CAPTURE:
            taken = plan.timestamp.strftime("%Y-%m-%d %H:%M:%S")
            return paint(f"Capture of {plan.node.identity.hostname}, taken {taken}: for review only.", "bold")
        case _:
            return ""


def _state_line(gpu: PlannedGpu, paint: Paint) -> str:
    name = f"{gpu.identity.label} ({gpu.identity.model})"
    if gpu.failure:
        return f"{name} State: {paint('could not be read', 'red')}: {gpu.failure.in_words()}"
    values = {metric(key).title: _show_metric(key, gpu.metrics.get(key)) for key in _STATE_METRICS}
    return f"{name} State: {assignments(values)}"


def _show_metric(name: str, value: Reading[float] | None) -> str:
    return "missing" if value is None or isinstance(value, Missing) else metric(name).show(round(value, 1))


def _drift_section(plan: Plan, paint: Paint) -> str:
    if not plan.drift:
        return ""
    lines = [paint("Note: Objects have changed outside of esnode", "bold"), ""]
    for group in fold(plan.drift, _drift_shape):
        lines.append(f"  # {gpu_ranges(drift.gpu.index for drift in group)} has changed ({group[0].cause})")
        lines += [f"  ~ {line}" for line in _drift_lines(group[0])]
        lines += [paint(f"      # {plain_text(line)}", "dim") for line in _drift_comment(group)]
    return "\n".join(lines)


def _drift_shape(drift: Drift) -> Hashable:
    return (drift.cause, drift.evidence, _items(drift.before), _items(drift.after))


def _drift_comment(group: Sequence[Drift]) -> Iterable[str]:
    """What the cause was concluded from, and who had applied what is gone, the last time for each."""
    if group[0].evidence:
        yield group[0].evidence
    applied = [entry for drift in group for entry in drift.applied.values()]
    for entries in fold(applied, lambda entry: (entry.user, str(entry))):
        last = max(entry.at for entry in entries)
        yield f"applied by {entries[0].user} for {entries[0]}, {last.strftime('%Y-%m-%d %H:%M:%S')} UTC"


def _drift_lines(drift: Drift) -> Iterable[str]:
    for name, before in drift.before.items():
        yield f"{name} = {SETTINGS[name].show(before)} -> {show_reading(name, drift.after[name])}"


def show_reading(name: str, value: Reading[ReadableValue]) -> str:
    return value.in_words() if isinstance(value, Missing) else SETTINGS[name].show(value)


def _policy_section(plan: Plan, paint: Paint) -> str:
    if not plan.verdicts:
        return ""
    several = len(plan.profiles) > 1
    groups = fold(plan.verdicts, lambda verdict: (verdict.profile, verdict.policy))
    enforced = sum(1 for group in groups if any(verdict.status is not Status.SKIPPED for verdict in group))
    blocks = [f"Plan: {counted(enforced, 'policy')} to enforce."]
    indexes = {gpu.identity.uuid: gpu.identity.index for gpu in plan.gpus}
    for group in groups:
        name = f"{group[0].profile}/{group[0].policy}" if several else group[0].policy
        blocks.append(f'{paint("[+]", "green")} Policy "{name}":\n' + _policy_block(group, indexes, plan, paint))
    return "\n\n".join(blocks)


def _policy_block(verdicts: Sequence[Verdict], indexes: dict[str, int], plan: Plan, paint: Paint) -> str:
    groups = fold(verdicts, lambda verdict: (verdict.status, verdict.effect, _reason_shape(verdict)))
    lines = []
    for group in groups:
        where = "" if len(plan.gpus) == 1 else f"{gpu_ranges(indexes[verdict.gpu] for verdict in group)}: "
        lines.append(f"    {where}{_folded_reason(group)}")
        status, note = group[0].status, _status_note(group[0])
        lines.append(f"    Status: {paint(status, *STATUS_STYLES[status])}{f' ({note})' if note else ''}.")
    return "\n".join(lines)


def _status_note(verdict: Verdict) -> str:
    effect = verdict.effect
    if effect is None:
        return _STATUS_NOTES.get(verdict.status, "")
    setting = SETTINGS[effect.setting]
    before, after = setting.show(effect.before), setting.show(effect.after)
    if setting.is_same(effect.before, effect.after):
        return f"{setting.title} stays at {after}"
    asked = f", {setting.show(effect.asked)} asked for" if _is_rounded(effect.asked, effect.after) else ""
    would = "would go" if verdict.status is Status.PENDING else "goes"
    return f"{setting.title} {would} from {before} to {after}{asked}"


def _is_rounded(asked: SettingValue, after: SettingValue) -> bool:
    """The hardware cannot do what was asked for: 210 MHz became 345."""
    lock = getattr(after, "max", after)
    return isinstance(asked, float | int) and isinstance(lock, float | int) and asked != lock


def _reason_shape(verdict: Verdict) -> str:
    """A reason without the value that it quotes, so that GPUs which differ in it alone fold into one."""
    return verdict.reason.replace(_quoted(verdict), "()") if not isinstance(verdict.value, Missing) else verdict.reason


def _quoted(verdict: Verdict) -> str:
    return f"({_shown(verdict.value, verdict.target)})"


def _shown(value: Reading[float], target: str) -> str:
    return "missing" if isinstance(value, Missing) else metric(target).show(value)


def _folded_reason(verdicts: Sequence[Verdict]) -> str:
    first = verdicts[0]
    values = sorted(verdict.value for verdict in verdicts if not isinstance(verdict.value, Missing))
    if not values or values[0] == values[-1]:
        return first.reason
    span = f"({_shown(values[0], first.target)} to {_shown(values[-1], first.target)})"
    return first.reason.replace(_quoted(first), span)


def _selection_section(plan: Plan, paint: Paint) -> str:
    indexes = {gpu.identity.uuid: gpu.identity.index for gpu in plan.gpus}
    others = [selection for selection in plan.selections if selection.match is not Match.SELECTED]
    lines = []
    for group in fold(others, lambda selection: (selection.profile, selection.match, selection.reasons)):
        word = "is not for" if group[0].match is Match.NOT_SELECTED else "may or may not be for"
        lines.append(f"Profile {group[0].profile} {word} {gpu_ranges(indexes[item.gpu] for item in group)}:")
        lines += [f"    {reason}" for reason in group[0].reasons]
    return paint("\n".join(lines), "dim") if lines else ""


def _change_section(plan: Plan, paint: Paint) -> str:
    if not plan.changes:
        return ""
    paths = {profile.name: profile.path for profile in plan.profiles}
    lines = [_REFRESH_ONLY if plan.mode is Mode.REFRESH_ONLY else "esnode will perform the following actions:"]
    for group in fold(plan.changes, _change_shape):
        lines += ["", *_change_lines(group, paths, paint)]
    return "\n".join(lines)


def _change_shape(change: Change) -> Hashable:
    if change.type is not ResourceType.GPU:
        return resource_shape(change)
    why = tuple((name, why.cause, why.profile, why.policy, why.overruled) for name, why in change.because.items())
    steps = tuple((step.step, step.profile, step.policy, str(step.after)) for step in change.holds)
    model = change.gpu.model if change.gpu else ""
    return (change.actions, _items(change.before), _items(change.after), why, steps, change.forget, model)


def _change_lines(group: Sequence[Change], paths: Mapping[str, str], paint: Paint) -> Iterable[str]:
    first = group[0]
    symbol, color, phrase = _SYMBOLS[first.actions[0]]
    if first.type is not ResourceType.GPU:
        yield from _resource_lines(group, paths, paint)
        return
    if first.reason is Cause.ACCEPT_DRIFT:
        phrase = "will be recorded as it is, the hardware is not touched"
    yield f"  {paint(f'# {_title(group)} {phrase}', 'bold')}"
    width = max((len(name) for name in first.because), default=0)
    for names in fold(first.because, lambda name: _comment(first, name, group, paths)):
        for name in names:
            yield f"  {paint(symbol, color)} {_setting_line(first, name, width)}"
        yield paint(f"      # {_comment(first, names[0], group, paths)}", "dim")
        for overruled in first.because[names[0]].overruled:
            yield paint(f"      # overrules {overruled}", "dim")


def _resource_lines(group: Sequence[Change], paths: Mapping[str, str], paint: Paint) -> Iterable[str]:
    """A process, an alert or the node: what it is, what changes of it, and why."""
    first = group[0]
    symbol, color, _ = _SYMBOLS[first.actions[0]]
    yield f"  {paint(f'# {resource_title(group)}', 'bold')}"
    for line in value_lines(first):
        yield f"  {paint(symbol, color)} {line}"
    for names in fold(first.because, lambda name: _comment(first, name, group, paths)):
        yield paint(f"      # {plain_text(_comment(first, names[0], group, paths))}", "dim")


def _comment(change: Change, name: str, group: Sequence[Change], paths: Mapping[str, str]) -> str:
    """Whose will it is, where that is written, and why. Readings of folded GPUs differ, so they are left out."""
    because = change.because[name]
    place = paths.get(because.profile, "")
    source = f" ({place}:{because.line})" if place and because.line else ""
    severity = "" if because.severity is Severity.INFO else f", {because.severity}"
    who = f"{because.profile}/{because.policy}{severity}{source}: " if because.profile else ""
    return who + (because.condition if len(group) > 1 and because.condition else because.reason)


def _title(group: Sequence[Change]) -> str:
    gpus = [change.gpu for change in group if change.gpu]
    if not gpus:
        return group[0].address
    if len(gpus) == 1:
        return f"{gpus[0].label} ({gpus[0].model}) {group[0].address}"
    return f"{gpu_ranges(gpu.index for gpu in gpus)} ({len(gpus)}x {gpus[0].model})"


def _setting_line(change: Change, name: str, width: int) -> str:
    if name not in change.after:
        if name in change.forget:
            return f"{name:<{width}} is no longer managed"
        return f"{name:<{width}} stays; what policies hold of it is recorded" if name in SETTINGS else name
    setting = SETTINGS[name]
    before, after = setting.show(change.before.get(name)), setting.show(change.after[name])
    back = ", its baseline; no longer managed" if name in change.forget else ""
    if name in change.settings and setting.is_same(change.before.get(name), change.after[name]):
        return f"{name:<{width}} = {after}, written again"
    return f"{name:<{width}} = {before} -> {after}{back}"


def _items(values: object) -> Hashable:
    return str(values)


def fold(items: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Items with equal keys together, in the order of their first one."""
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())
