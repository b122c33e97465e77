"""A plan for a comment on a pull request: a summary, the changes, and the rest to be folded out.

Hosts refuse long comments (65,536 characters on GitHub), so it never gets longer than LONGEST: what has no room is
left out, the least important first, and counted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from esnode.diagnostics import Diagnostic
from esnode.model.plan import Plan, gpu_ranges
from esnode.model.verdict import Status
from esnode.records import dataclass, field
from esnode.views.changes import ChangeBlock, Part, change_blocks
from esnode.views.drift_text import drift_comments, drift_groups, drift_rows
from esnode.views.markdown_words import code, words
from esnode.views.plan_text import SYMBOLS, banner, state_values, summary_line
from esnode.views.printable import printable
from esnode.views.text import Paint, counted
from esnode.views.verdicts import PolicyStands, policy_stands

LONGEST = 60_000
"""Characters of a whole text."""

_RESERVED = 2_000
"""Characters for the frame: heads of sections, and the sentence that says what was left out."""

_SHARE = 12_000
"""Characters that drift and warnings have first, so that many changes do not crowd them out."""

_MOST_NAMED = 64
"""Members of equal changes that are named one by one; the title has all of them as a range."""


@dataclass(slots=True, kw_only=True)
class _Section:
    """Lines that are left out one by one from the end. `what` names them when they are counted."""

    title: str
    what: str
    lines: Sequence[str]
    head: str = ""
    is_folded: bool = True
    kept: int = field(default=0)

    @property
    def left_out(self) -> int:
        return len(self.lines) - self.kept

    def take(self, room: int) -> int:
        """Keep as many lines as fit into `room` characters. The room that is left."""
        while self.kept < len(self.lines) and len(self.lines[self.kept]) + 1 <= room:
            room -= len(self.lines[self.kept]) + 1
            self.kept += 1
        return room

    def text(self) -> str:
        body = "\n".join(filter(None, [self.head, *self.lines[: self.kept]]))
        if not self.is_folded:
            return f"### {self.title}\n\n{body}\n"
        return f"<details><summary>{self.title}</summary>\n\n{body}\n\n</details>\n"


def show_markdown(plan: Plan, *, source: str, digest: str) -> None:
    sys.stdout.write(plan_markdown(plan, source=source, digest=digest))


def plan_markdown(plan: Plan, *, source: str, digest: str) -> str:
    """The text, with a line end. `source` is the plan's file, which the reader is told to look into for the rest."""
    shown = printable(plan)
    head = _head(shown)
    foot = f"Digest {code(digest)}, made {plan.timestamp.strftime('%Y-%m-%d %H:%M:%S')} UTC."
    sections = _sections(shown, plan.diagnostics)
    changes, drift, warnings, *rest = sections
    room = LONGEST - _RESERVED - len(head) - len(foot) - len(_look(source))
    for first in (drift, warnings):
        room -= _SHARE - first.take(_SHARE)
    for section in (changes, drift, warnings, *rest):
        room = section.take(room)
    parts = [head, *(section.text() for section in sections if section.kept), _left_out(sections, source), foot]
    return "\n".join(part for part in parts if part) + "\n"


def _sections(plan: Plan, diagnostics: Sequence[Diagnostic]) -> list[_Section]:
    """The most important first, but for drift and warnings, which have room of their own."""
    policies = policy_stands(plan)
    return [
        _Section(
            title="Changes",
            what="changed value",
            head="| | what | setting | before | after | why |\n| --- | --- | --- | --- | --- | --- |",
            lines=[line for block in change_blocks(plan) for line in _change_lines(block)],
            is_folded=False,
        ),
        _Section(
            title=f"Drift: {counted(len(plan.drift), 'object')} changed outside of esnode",
            what="drifted setting",
            head="| GPU | setting | applied | observed | cause |\n| --- | --- | --- | --- | --- |",
            lines=list(_drift_lines(plan)),
        ),
        _Section(
            title=counted(len(diagnostics), "warning"),
            what="warning",
            lines=[_diagnostic_line(item) for item in diagnostics],
        ),
        _Section(
            title=f"Verdicts of {counted(len(policies), 'policy')}",
            what="verdict",
            head="| policy | GPU | status | why |\n| --- | --- | --- | --- |",
            lines=[line for policy in policies for line in _policy_lines(policy)],
        ),
        _Section(title="Notes", what="note", lines=[f"* {words(note)}" for note in plan.notes]),
        _Section(
            title=counted(len(plan.gpus), "GPU"),
            what="GPU",
            head="| GPU | model | state | UUID |\n| --- | --- | --- | --- |",
            lines=list(_gpu_lines(plan)),
        ),
    ]


def _head(plan: Plan) -> str:
    """One line: where, and what would be done."""
    said = banner(plan, Paint())
    note = f"\n\n> {words(said)}" if said else ""
    return f"**esnode plan** for {code(plan.node.identity.hostname)}: **{words(summary_line(plan))}**{note}\n"


def _look(source: str) -> str:
    return code(f"esnode show {source}")


def _left_out(sections: Sequence[_Section], source: str) -> str:
    missing = [counted(section.left_out, section.what) for section in sections if section.left_out]
    if not missing:
        return ""
    counts = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
    return (
        f"**Left out**, because a comment has room for {LONGEST:,} characters: {counts}. "
        f"{_look(source)} shows everything.\n"
    )


def _change_lines(block: ChangeBlock) -> Iterable[str]:
    """A line for each value; the first says what it is about, and names its members."""
    symbol = code(SYMBOLS[block.operation][0])
    what = f"{words(block.title)} {words(block.phrase)}"
    if len(block.members) > 1:
        named = [f"{words(label)} {code(address)}" for label, address in block.members[:_MOST_NAMED]]
        more = len(block.members) - len(named)
        what += "<br>".join(["", *named, *([f"and {more:,} more"] if more else [])])
    for part in block.parts:
        why = "<br>".join(_whys(part))
        for row in part.rows or [None]:
            if row is None:
                yield f"| {symbol} | {what} | | | | {why} |"
            else:
                after = " ".join(filter(None, [words(row.after or ""), words(row.note)]))
                yield f"| {symbol} | {what} | {code(row.name)} | {words(row.before or '')} | {after} | {why} |"
            what, why = "", ""


def _whys(part: Part) -> Iterable[str]:
    for why in part.whys:
        yield words(str(why))
        yield from (f"overrules {words(overruled)}" for overruled in why.overruled)


def _drift_lines(plan: Plan) -> Iterable[str]:
    for group in drift_groups(plan):
        where = words(gpu_ranges(drift.gpu.index for drift in group))
        cause = "<br>".join([words(group[0].cause), *(words(line) for line in drift_comments(group))])
        for name, before, after in drift_rows(group[0]):
            yield f"| {where} | {code(name)} | {words(before)} | {words(after)} | {cause} |"


def _diagnostic_line(item: Diagnostic) -> str:
    place = f" ({code(f'{item.range.filename}:{item.range.line}')})" if item.range else ""
    detail = f"<br>{words(item.detail)}" if item.detail else ""
    return f"* **{item.severity.value.capitalize()}: {words(item.summary)}**{place}{detail}"


def _policy_lines(policy: PolicyStands) -> Iterable[str]:
    where = f" ({words(policy.source)})" if policy.source else ""
    for stand in policy.stands:
        status = f"**{stand.status}**" if stand.status is Status.ACTIVE else str(stand.status)
        note = f"<br>{words(stand.note)}" if stand.note else ""
        yield f"| {code(policy.name)}{where} | {words(stand.gpus)} | {status} | {words(stand.reason)}{note} |"


def _gpu_lines(plan: Plan) -> Iterable[str]:
    for gpu in plan.gpus:
        state = f"could not be read: {gpu.failure.in_words()}" if gpu.failure else state_values(gpu)
        who = gpu.identity
        yield f"| {words(who.label)} | {words(who.model)} | {words(state)} | {code(who.uuid)} |"
