"""A plan for people: the machine as it is, how each policy stands, what would be done and why.

Identical GPUs are folded into one line; drift comes first and is never hidden by an empty plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby, islice
from pathlib import Path

from esnode.model.hardware import Origin
from esnode.model.metrics import metric
from esnode.model.plan import Mode, Operation, Plan, PlannedGpu, count_operations, gpu_ranges
from esnode.model.readings import Missing, Reading
from esnode.model.verdict import Match, Status
from esnode.records import replace
from esnode.views.changes import ChangeBlock, change_blocks
from esnode.views.drift_text import drift_comments, drift_groups, drift_rows
from esnode.views.folding import fold
from esnode.views.printable import printable
from esnode.views.text import Paint, assignments, counted
from esnode.views.verdicts import Stand, policy_stands

_STATE_METRICS = ("gpu_temp_celsius", "gpu_power_watts", "gpu_utilization")

STATUS_STYLES = {
    Status.ACTIVE: ("bold", "red"),
    Status.PENDING: ("yellow",),
    Status.MONITORING: ("yellow",),
    Status.HOLDING: ("cyan",),
    Status.RELEASING: ("green",),
    Status.UNKNOWN: ("yellow",),
    Status.SKIPPED: ("dim",),
}

SYMBOLS = {
    Operation.CREATE: ("+", "green"),
    Operation.UPDATE: ("~", "yellow"),
    Operation.DELETE: ("-", "red"),
    Operation.FORGET: (".", "cyan"),
    Operation.NO_OP: (" ", "dim"),
}
"""As Terraform has them; forgetting is a dot there too."""

_SHOWN_MEMBERS = 64
"""How many resources of one block are named, so that no plan is too long to be read."""

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

_NO_CHANGES_SEEN = {
    Mode.NORMAL: "What could be read of the hardware matches the profile.",
    Mode.REFRESH_ONLY: "What could be read of the hardware still is as esnode applied it.",
    Mode.CORRECT: "In what could be read there is no drift to correct.",
}
"""The same of a plan that is not complete."""


def plan_text(plan: Plan, paint: Paint) -> str:
    """The whole plan, without a line end and without control characters of its input."""
    plan = _printable(plan)
    sections = [
        banner(plan, paint),
        "\n".join(_state_lines(plan, paint)) or ("No GPU was found." if plan.complete else "No GPU could be read."),
        "\n".join(_drift_lines(plan, paint)),
        "\n".join(paint(f"Note: {note}", "dim") for note in plan.notes),
        _policy_section(plan, paint),
        "\n".join(paint(line, "dim") for line in _selection_lines(plan)),
        "\n".join(_change_lines(plan, paint)),
        paint(summary_line(plan), "bold"),
    ]
    return "\n\n".join(section for section in sections if section)


def changes_text(plan: Plan, paint: Paint) -> str:
    """What would be done, and its summary: what apply shows before it does it."""
    plan = _printable(plan)
    sections = [banner(plan, paint), "\n".join(_change_lines(plan, paint)), paint(summary_line(plan), "bold")]
    return "\n\n".join(section for section in sections if section)


def _printable(plan: Plan) -> Plan:
    """The plan without control characters. How profiles were written is not shown, so it is not looked through."""
    profiles = tuple(replace(profile, document={}, positions={}) for profile in plan.profiles)
    return printable(replace(plan, profiles=profiles))


def summary_line(plan: Plan) -> str:
    """`Plan: 0 to add, 1 to change, 0 to destroy.` or `No changes. ...`, and how many GPUs could not be read."""
    unread = sum(1 for gpu in plan.gpus if gpu.failure)
    unreadable = f" {counted(unread, 'GPU')} could not be read." if unread else ""
    if not plan.changes:
        return f"No changes. {_why_none(plan)}{unreadable}"
    if plan.mode is Mode.REFRESH_ONLY:
        return f"Plan: to record drift of {counted(len(plan.changes), 'GPU')}, nothing is written to it.{unreadable}"
    added, changed, destroyed, forgotten = count_operations(plan.changes)
    forget = f", {forgotten} to forget" if forgotten else ""
    return f"Plan: {added} to add, {changed} to change, {destroyed} to destroy{forget}.{unreadable}"


def _why_none(plan: Plan) -> str:
    if plan.complete:
        return _NO_CHANGES[plan.mode]
    if not plan.gpus:
        return "Nothing is known of the hardware."
    return _NO_CHANGES_SEEN.get(plan.mode, _NO_CHANGES[plan.mode])


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


def _state_lines(plan: Plan, paint: Paint) -> Iterable[str]:
    """A line for each GPU, in their order; neighbours of one model that show the same share one."""
    runs = groupby(plan.gpus, lambda gpu: (gpu.identity.model, gpu.failure, state_values(gpu)))
    shown = 0
    for (model, failure, values), alike in islice(runs, _SHOWN_MEMBERS):
        group = list(alike)
        shown += len(group)
        where = gpu_ranges(gpu.identity.index for gpu in group)
        name = f"{where} ({model})" if len(group) == 1 else f"{where} ({len(group)}x {model})"
        if failure:
            yield f"{name} State: {paint('could not be read', 'red')}: {failure.in_words()}"
        else:
            yield f"{name} State: {values}"
    if shown < len(plan.gpus):
        yield f"And {counted(len(plan.gpus) - shown, 'more GPU')}: -json and the saved plan show all."


def state_values(gpu: PlannedGpu) -> str:
    """`Temp=78C, Power=650W, Util=99%`."""
    return assignments({metric(key).title: _show_metric(key, gpu.metrics.get(key)) for key in _STATE_METRICS})


def _show_metric(name: str, value: Reading[float] | None) -> str:
    return "missing" if value is None or isinstance(value, Missing) else metric(name).show(round(value, 1))


def _drift_lines(plan: Plan, paint: Paint) -> Iterable[str]:
    if not plan.drift:
        return
    yield from (paint("Note: Objects have changed outside of esnode", "bold"), "")
    for group in drift_groups(plan):
        yield f"  # {gpu_ranges(drift.gpu.index for drift in group)} has changed ({group[0].cause})"
        width = max((len(name) for name in group[0].before), default=0)
        for name, before, after in drift_rows(group[0]):
            yield f"  {paint('~', 'yellow')} {name:<{width}} = {before} -> {after}"
        yield from (paint(f"      # {line}", "dim") for line in drift_comments(group))


def _policy_section(plan: Plan, paint: Paint) -> str:
    policies = policy_stands(plan)
    if not policies:
        return ""
    enforced = sum(1 for policy in policies if policy.is_enforced)
    blocks = [f"Plan: {counted(enforced, 'policy')} to enforce."]
    for policy in policies:
        lines = [f'{paint("[+]", "green")} Policy "{policy.name}":']
        for stand in policy.stands:
            lines += _stand_lines(stand, paint, is_only_gpu=len(plan.gpus) == 1)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _stand_lines(stand: Stand, paint: Paint, *, is_only_gpu: bool) -> Iterable[str]:
    note = f" ({stand.note})" if stand.note else ""
    yield f"    {'' if is_only_gpu else f'{stand.gpus}: '}{stand.reason}"
    yield f"    Status: {paint(stand.status, *STATUS_STYLES[stand.status])}{note}."


def _selection_lines(plan: Plan) -> Iterable[str]:
    indexes = {gpu.identity.uuid: gpu.identity.index for gpu in plan.gpus}
    others = [selection for selection in plan.selections if selection.match is not Match.SELECTED]
    for group in fold(others, lambda selection: (selection.profile, selection.match, selection.reasons)):
        word = "is not for" if group[0].match is Match.NOT_SELECTED else "may or may not be for"
        yield f"Profile {group[0].profile} {word} {gpu_ranges(indexes[item.gpu] for item in group)}:"
        yield from (f"    {reason}" for reason in group[0].reasons)


def _change_lines(plan: Plan, paint: Paint) -> Iterable[str]:
    if not plan.changes:
        return
    yield _REFRESH_ONLY if plan.mode is Mode.REFRESH_ONLY else "esnode will perform the following actions:"
    for block in change_blocks(plan):
        yield from ("", *_block_lines(block, paint))


def _block_lines(block: ChangeBlock, paint: Paint) -> Iterable[str]:
    symbol, color = SYMBOLS[block.operation]
    yield f"  {paint(f'# {block.title} {block.phrase}', 'bold')}"
    if len(block.members) > 1:
        shown = block.members[:_SHOWN_MEMBERS]
        yield from (paint(f"  #   {label} {address}", "dim") for label, address in shown)
        more = len(block.members) - len(shown)
        yield from (paint(f"  #   and {more} more: -json and the saved plan name all", "dim") for _ in range(more > 0))
    width = max((len(row.name) for part in block.parts for row in part.rows), default=0)
    for part in block.parts:
        yield from (f"  {paint(symbol, color)} {row.name:<{width}} {row}".rstrip() for row in part.rows)
        for why in part.whys:
            yield paint(f"      # {why}", "dim")
            yield from (paint(f"      # overrules {overruled}", "dim") for overruled in why.overruled)
