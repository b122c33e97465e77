"""Many plans in one summary: nodes that decide the same are folded into one, so hundreds of them stay readable.

A view keeps of each node its name and, once for all that decide the same, the lines that say what.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from esnode.diagnostics import Diagnostic, error
from esnode.errors import EsnodeError
from esnode.model.plan import Change, Operation, Plan, ResourceType, count_operations, gpu_ranges
from esnode.model.settings import SETTINGS
from esnode.model.verdict import Match
from esnode.records import dataclass, field, replace
from esnode.views.folding import fold
from esnode.views.jsonlines import emit, emit_version
from esnode.views.plan_text import summary_line
from esnode.views.printable import plain_text
from esnode.views.resources_text import resource_shape, resource_title
from esnode.views.text import Paint, boxed, counted, diagnostic_box, indented, paint_for, write

_SHOWN_GROUPS = 30
_SHOWN_WARNINGS = 10
_SHOWN_NAMES = 8
_SYMBOLS = {
    Operation.CREATE: ("+", "green"),
    Operation.UPDATE: ("~", "yellow"),
    Operation.DELETE: ("-", "red"),
    Operation.FORGET: (".", "cyan"),
}
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL | re.ASCII)


@dataclass(slots=True)
class Group:
    """Nodes that decide the same, and what."""

    lines: tuple[str, ...]
    has_changes: bool
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a summary says of one plan. It is made where the plan is, and is all that crosses between processes.

    `lines` say what is decided, `decision` is a digest of it to the last digit. `changes` are for programs.
    """

    summary: str
    decision: bytes
    lines: tuple[str, ...]
    has_changes: bool
    complete: bool
    applyable: bool
    operations: tuple[int, int, int, int]
    diagnostics: tuple[Diagnostic, ...]
    changes: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)
class Count:
    """What has been counted so far."""

    nodes: int = 0
    with_changes: int = 0
    failed: int = 0
    operations: tuple[int, int, int, int] = (0, 0, 0, 0)

    def add(self, brief: Brief) -> None:
        self.nodes += 1
        self.with_changes += brief.has_changes
        pairs = zip(self.operations, brief.operations, strict=True)
        added, changed, destroyed, forgotten = (one + other for one, other in pairs)
        self.operations = (added, changed, destroyed, forgotten)

    def in_words(self) -> str:
        """`Plan: 0 to add, 768 to change, 0 to destroy on 96 of 128 nodes. 2 captures could not be planned.`"""
        added, changed, destroyed, forgotten = self.operations
        forget = f", {forgotten} to forget" if forgotten else ""
        failed = f" {counted(self.failed, 'capture')} could not be planned." if self.failed else ""
        nodes = counted(self.nodes, "node")
        if not self.with_changes:
            return f"No changes on {nodes}.{failed}"
        counts = f"{added} to add, {changed} to change, {destroyed} to destroy{forget}"
        return f"Plan: {counts} on {self.with_changes} of {nodes}.{failed}"


class FleetView(Protocol):
    """What `plan` prints of many captures."""

    def begin(self, count: int) -> None: ...

    def brief(self, plan: Plan) -> Brief:
        """What `planned` is to be told of a plan. Nothing is printed, and nothing in the view changes."""

    def planned(self, name: str, source: Path, brief: Brief, *, digest: str, saved_to: Path | None) -> None: ...

    def failed(self, source: Path, failure: EsnodeError) -> None: ...

    def unexpected(self, name: str, approved: Path, problem: str) -> None:
        """A node whose plan is not the approved one."""

    def end(self, out: Path | None) -> None: ...


def fleet_view(*, as_json: bool, no_color: bool) -> FleetView:
    return JsonFleetView() if as_json else TextFleetView(no_color=no_color)


class TextFleetView:
    """For people: one summary at the end, failures and warnings on standard error."""

    def __init__(self, *, no_color: bool) -> None:
        self._paint = paint_for(sys.stdout, no_color=no_color)
        self._error_paint = paint_for(sys.stderr, no_color=no_color)
        self._count = Count()
        self._groups: dict[bytes, Group] = {}
        self._warnings: dict[Diagnostic, list[str]] = {}
        self._more_warnings: set[int] = set()
        self._failures: list[str] = []
        self._unexpected: list[str] = []

    def begin(self, count: int) -> None:
        write(f"Reading {counted(count, 'capture')}...")

    def brief(self, plan: Plan) -> Brief:
        return _brief(plan, self._paint)

    def planned(self, name: str, source: Path, brief: Brief, *, digest: str, saved_to: Path | None) -> None:
        self._count.add(brief)
        _group_of(brief, self._groups).names.append(name)
        for diagnostic in brief.diagnostics:
            if diagnostic in self._warnings or len(self._warnings) < _SHOWN_WARNINGS:
                self._warnings.setdefault(diagnostic, []).append(name)
            else:
                self._more_warnings.add(hash(diagnostic))

    def failed(self, source: Path, failure: EsnodeError) -> None:
        self._count.failed += 1
        self._failures.append(_failure_in_words(source, failure))

    def unexpected(self, name: str, approved: Path, problem: str) -> None:
        self._unexpected.append(f"{name}: {problem}")

    def end(self, out: Path | None) -> None:
        write("\n" + fleet_text(list(self._groups.values()), self._count, self._paint))
        for line in self._unexpected[:_SHOWN_GROUPS]:
            write(f"{self._paint('≠', 'red')} {plain_text(line)}")
        if len(self._unexpected) > _SHOWN_GROUPS:
            write(f"And {counted(len(self._unexpected) - _SHOWN_GROUPS, 'more node')}.")
        self._show_warnings()
        if self._failures:
            heading = f"Error: {counted(len(self._failures), 'capture')} could not be planned"
            lines = [self._error_paint(heading, "bold", "red"), "", *map(plain_text, self._failures)]
            write(boxed(lines, self._error_paint, "red"), sys.stderr)
        if out:
            write(f"\nSaved the plans to: {out}, one NODE.plan.json each. They are for review: plan on each machine.")

    def _show_warnings(self) -> None:
        for diagnostic, names in self._warnings.items():
            write(diagnostic_box(_of_nodes(diagnostic, names, self._count.nodes), self._error_paint), sys.stderr)
        if self._more_warnings:
            write(
                f"{len(self._more_warnings)} more warnings are in the saved plans, and in what -json prints.",
                sys.stderr,
            )


class JsonFleetView:
    """For programs: one line for each node as it is planned, and a summary."""

    def __init__(self) -> None:
        self._count = Count()
        self._groups: dict[bytes, Group] = {}

    def begin(self, count: int) -> None:
        emit_version()

    def brief(self, plan: Plan) -> Brief:
        return replace(_brief(plan, Paint()), changes=tuple(_change_line(change) for change in plan.changes))

    def planned(self, name: str, source: Path, brief: Brief, *, digest: str, saved_to: Path | None) -> None:
        self._count.add(brief)
        _group_of(brief, self._groups).names.append(name)
        emit(
            "node_plan",
            f"{name}: {brief.summary}",
            node=name,
            source=str(source),
            saved_to=str(saved_to) if saved_to else None,
            digest=digest,
            changes=_counts(brief.operations),
            complete=brief.complete,
            applyable=brief.applyable,
            resource_changes=brief.changes,
            diagnostics=brief.diagnostics,
        )

    def failed(self, source: Path, failure: EsnodeError) -> None:
        self._count.failed += 1
        problem = error(failure.summary, " ".join(part for part in (failure.detail, failure.next_step) if part))
        message = f"Error: {_failure_in_words(source, failure)}"
        emit("node_failed", message, level="error", source=str(source), diagnostic=problem)

    def unexpected(self, name: str, approved: Path, problem: str) -> None:
        emit("against", f"{name}: {problem}", level="error", node=name, approved=str(approved), same=False)

    def end(self, out: Path | None) -> None:
        decisions = [
            {"nodes": group.names, "has_changes": group.has_changes, "lines": group.lines}
            for group in _in_order(self._groups.values())
        ]
        emit(
            "fleet_summary",
            self._count.in_words(),
            changes=_counts(self._count.operations),
            nodes=self._count.nodes,
            nodes_with_changes=self._count.with_changes,
            failed=self._count.failed,
            decisions=decisions,
            saved_to=str(out) if out else None,
        )


def fleet_text(groups: Sequence[Group], count: Count, paint: Paint) -> str:
    """Every group with its nodes, those with changes first, and the sum."""
    ordered = _in_order(groups)
    blocks = []
    for group in ordered[:_SHOWN_GROUPS]:
        title = f"{counted(len(group.names), 'node')}: {names_in_words(group.names)}"
        blocks.append("\n".join([paint(plain_text(title), "bold"), indented("\n".join(group.lines))]))
    left = ordered[_SHOWN_GROUPS:]
    if left:
        nodes = counted(sum(len(group.names) for group in left), "node")
        blocks.append(f"And {len(left)} more kinds of decisions on {nodes}: see the saved plans, or what -json prints.")
    return "\n\n".join([*blocks, paint(count.in_words(), "bold")])


def names_in_words(names: Iterable[str], *, most: int = _SHOWN_NAMES) -> str:
    """`node001 to node096, spare`: names that count on are one; the first few of many are named, the others counted."""
    runs: list[list[str]] = []
    for name in sorted(names, key=_sort_key):
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    words: list[tuple[str, int]] = []
    for run in runs:
        words += [(f"{run[0]} to {run[-1]}", len(run))] if len(run) > 2 else [(name, 1) for name in run]
    more = sum(length for _, length in words[most:])
    return ", ".join(text for text, _ in words[:most]) + (f" and {more} more" if more else "")


def _sort_key(name: str) -> tuple[str, int, int, str]:
    """`node2` before `node10`."""
    parts = _NUMBERED.fullmatch(name)
    return (parts[1], len(parts[2]), int(parts[2][-18:]), parts[3]) if parts else (name, 0, 0, "")


def _follows(one: str, other: str) -> bool:
    first, second = _NUMBERED.fullmatch(one), _NUMBERED.fullmatch(other)
    if not (first and second) or (first[1], first[3]) != (second[1], second[3]) or len(first[2]) > 18:
        return False
    return str(int(first[2]) + 1).zfill(len(first[2])) == second[2]


def _brief(plan: Plan, paint: Paint) -> Brief:
    """Values count as they are and not as they are shown: a difference too small to be shown is one."""
    lines = tuple(_lines(plan, paint))
    exact = tuple(_decision_of(change) for change in plan.changes)
    return Brief(
        summary=summary_line(plan),
        decision=hashlib.sha256(repr((lines, exact)).encode()).digest(),
        lines=lines,
        has_changes=plan.has_changes,
        complete=plan.complete,
        applyable=plan.can_apply,
        operations=count_operations(plan.changes),
        diagnostics=plan.diagnostics,
    )


def _group_of(brief: Brief, groups: dict[bytes, Group]) -> Group:
    return groups.setdefault(brief.decision, Group(lines=brief.lines, has_changes=brief.has_changes))


def _decision_of(change: Change) -> Hashable:
    """What a change does, with the GPU's index in place of its UUID, which no other node has."""
    subject = change.gpu.index if change.gpu else change.address
    return (change.type, subject, _decision_shape(change))


def _decision_shape(change: Change) -> Hashable:
    why = tuple((name, because.profile, because.policy) for name, because in sorted(change.because.items()))
    values = (str(sorted(change.before.items())), str(sorted(change.after.items())))
    model = change.gpu.model if change.gpu else ""
    return (change.actions, values, change.forget, change.reason, why, model)


def _lines(plan: Plan, paint: Paint) -> Iterator[str]:
    """What a plan decides, in a few lines."""
    yield summary_line(plan)
    gpus = [change for change in plan.changes if change.type is ResourceType.GPU]
    others = [change for change in plan.changes if change.type is not ResourceType.GPU]
    for group in fold(gpus, _decision_shape):
        yield from _gpu_lines(group, paint)
    for group in fold(others, resource_shape):
        yield f"{_symbol(group[0], paint)} {resource_title(group)}{_for(group[0])}"
    yield from _unselected(plan)


def _gpu_lines(group: Sequence[Change], paint: Paint) -> Iterator[str]:
    first, gpus = group[0], [change.gpu for change in group if change.gpu]
    many = f"{len(gpus)}x " if len(gpus) > 1 else ""
    where = f"{gpu_ranges(gpu.index for gpu in gpus)} ({many}{gpus[0].model})" if gpus else first.address
    for name in first.after or first.forget:
        setting = SETTINGS.get(name)
        if setting is None or name not in first.after:
            yield f"{_symbol(first, paint)} {where}: {name} is no longer managed"
            continue
        before, after = setting.show(first.before.get(name)), setting.show(first.after[name])
        yield f"{_symbol(first, paint)} {where}: {name} = {before} -> {after}{_for(first, name)}"


def _symbol(change: Change, paint: Paint) -> str:
    return paint(*_SYMBOLS.get(change.actions[0], ("~", "yellow")))


def _for(change: Change, name: str | None = None) -> str:
    """By whose will: ` (train/thermal-safety)`."""
    wanted = [why for key, why in sorted(change.because.items()) if name in (None, key) and why.profile]
    return f" ({', '.join(dict.fromkeys(f'{why.profile}/{why.policy}' for why in wanted))})" if wanted else ""


def _unselected(plan: Plan) -> Iterator[str]:
    """A profile that is for no GPU of the node, and why: nothing to do there may be a tag that nobody gave."""
    for group in fold(plan.selections, lambda selection: selection.profile):
        if all(selection.match is not Match.SELECTED for selection in group):
            reasons = "; ".join(group[0].reasons)
            yield plain_text(f"Profile {group[0].profile} is for no GPU here{f': {reasons}' if reasons else ''}")


def _in_order(groups: Iterable[Group]) -> list[Group]:
    """Those with changes first, the larger before the smaller."""
    return sorted(groups, key=lambda group: (not group.has_changes, -len(group.names), _sort_key(group.names[0])))


def _failure_in_words(source: Path, failure: EsnodeError) -> str:
    """One line. A capture's own errors begin with the file; others get it in front."""
    return failure.summary if str(source) in failure.summary else f"{source}: {failure.summary}"


def _of_nodes(diagnostic: Diagnostic, names: Sequence[str], count: int) -> Diagnostic:
    """A warning and where it is given, unless that is everywhere."""
    if len(names) == count:
        return diagnostic
    where = f"On {counted(len(names), 'node')}: {names_in_words(names)}."
    return replace(diagnostic, detail=f"{diagnostic.detail}\n{where}" if diagnostic.detail else where)


def _counts(operations: tuple[int, int, int, int]) -> dict[str, Any]:
    added, changed, destroyed, forgotten = operations
    return {"add": added, "change": changed, "remove": destroyed, "forget": forgotten, "operation": "plan"}


def _change_line(change: Change) -> dict[str, Any]:
    return {
        "address": change.address,
        "type": change.type,
        "actions": change.actions,
        "before": change.before,
        "after": change.after,
        "for": {name: f"{why.profile}/{why.policy}" for name, why in change.because.items()},
    }
