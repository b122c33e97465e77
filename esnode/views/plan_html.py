"""A plan as one page that needs nothing else: no script, no font, no picture and no request to anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape as _escape

from esnode.diagnostics import Diagnostic, Level, Range
from esnode.model.hardware import Origin
from esnode.model.plan import Operation, Plan, gpu_ranges
from esnode.model.profile import Severity
from esnode.model.verdict import Status
from esnode.views.changes import ChangeBlock, Part, change_blocks
from esnode.views.drift_text import drift_comments, drift_groups, drift_rows
from esnode.views.html_gpus import gpu_cards
from esnode.views.html_style import STYLE
from esnode.views.plan_text import SYMBOLS, banner, summary_line
from esnode.views.printable import plain_text, printable
from esnode.views.resources_text import ValueRow
from esnode.views.text import Paint
from esnode.views.verdicts import PolicyStands, Stand, policy_stands

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_TONES = {
    Operation.CREATE: "good",
    Operation.UPDATE: "warn",
    Operation.DELETE: "bad",
    Operation.FORGET: "accent",
    Operation.NO_OP: "accent",
}

_STATUS_TONES = {
    Status.ACTIVE: "bad",
    Status.PENDING: "warn",
    Status.MONITORING: "warn",
    Status.HOLDING: "accent",
    Status.RELEASING: "good",
    Status.UNKNOWN: "warn",
    Status.SKIPPED: "",
}

_SEVERITY_TONES = {Severity.INFO: "", Severity.WARNING: "warn", Severity.CRITICAL: "bad"}


def plan_html(plan: Plan, *, digest: str) -> str:
    """The page."""
    shown = printable(plan)
    host = escape(shown.node.identity.hostname)
    sections = [
        _section("Changes", len(plan.changes), map(_block, change_blocks(shown))),
        _section("Drift", len(plan.drift), _drift(shown)),
        _section("Warnings", len(plan.diagnostics), map(_diagnostic, plan.diagnostics)),
        _section("Policies", len(policy_stands(shown)), map(_policy, policy_stands(shown))),
        _section("GPUs", len(plan.gpus), [f'<ul class="gpus">{"".join(gpu_cards(shown))}</ul>']),
        _section("Notes", len(plan.notes), (f'<div class="card">{escape(note)}</div>' for note in shown.notes)),
        _section("About this plan", 0, [_facts(shown, digest)]),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>Plan for {host}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n'
        f"{_header(shown, host)}\n<main>\n{''.join(sections)}</main>\n"
        f"<footer>Written by esnode {escape(shown.esnode_version)}.</footer>\n</body>\n</html>\n"
    )


def escape(text: str) -> str:
    """A text of an input: no markup, no control character, its lines kept."""
    return _escape(plain_text(text)).replace("\n", "<br>")


def chip(text: str, tone: str = "") -> str:
    return f'<span class="chip {tone}">{escape(text)}</span>'


def _header(plan: Plan, host: str) -> str:
    chips = [chip(said, tone) for said, tone in _marks(plan)]
    said = banner(plan, Paint())
    return (
        f'<header>\n<p class="kicker">esnode plan</p>\n<h1>{host}</h1>\n'
        f'<p class="summary">{escape(summary_line(plan))}</p>\n'
        + (f'<p class="quiet">{escape(said)}</p>\n' if said else "")
        + f'<ul class="chips">{"".join(f"<li>{mark}</li>" for mark in chips)}</ul>\n'
        f'<ul class="tiles">{"".join(_tiles(plan))}</ul>\n</header>'
    )


def _marks(plan: Plan) -> Iterable[tuple[str, str]]:
    """What a reviewer must know of the plan as a whole."""
    yield (
        ("can be applied", "good")
        if plan.can_apply
        else ("nothing to apply" if not plan.changes else "for review only", "")
    )
    if plan.origin is not Origin.HARDWARE:
        yield plan.origin.value.upper(), "accent"
    if not plan.complete:
        yield "incomplete: a GPU could not be read", "bad"
    if plan.in_flight:
        yield "an apply was under way", "bad"
    if not plan.refreshed:
        yield "from recorded readings", "warn"
    if plan.targeted:
        yield "targeted: not the whole plan", "warn"


def _tiles(plan: Plan) -> Iterable[str]:
    """The counts, those that are not zero in their colour."""
    operations = [operation for change in plan.changes for operation in change.actions]
    counts = [
        (operations.count(Operation.CREATE), "to add", "good"),
        (operations.count(Operation.UPDATE), "to change", "warn"),
        (operations.count(Operation.DELETE), "to destroy", "bad"),
        (len(plan.drift), "drifted", "bad"),
        (len(plan.diagnostics), "warnings" if len(plan.diagnostics) != 1 else "warning", "warn"),
        (len(plan.gpus), "GPUs" if len(plan.gpus) != 1 else "GPU", ""),
    ]
    for count, word, tone in counts:
        yield f'<li class="tile {tone if count else ""}"><b>{count}</b><span>{word}</span></li>'


def _section(title: str, count: int, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    if not body:
        return ""
    number = f' <span class="count">{count}</span>' if count else ""
    return f"<section>\n<h2>{title}{number}</h2>\n{body}\n</section>\n"


def _block(block: ChangeBlock) -> str:
    symbol = SYMBOLS[block.operation][0]
    return (
        f'<article class="card"><div class="head"><span class="symbol {_TONES[block.operation]}" aria-hidden="true">'
        f'{escape(symbol)}</span><h3>{escape(block.title)} <span class="quiet">{escape(block.phrase)}</span></h3></div>'
        f"{''.join(map(_part, block.parts))}{_members(block)}</article>"
    )


def _members(block: ChangeBlock) -> str:
    if len(block.members) < 2:
        return ""
    items = "".join(f"<li>{escape(label)} <code>{escape(address)}</code></li>" for label, address in block.members)
    return f"<details><summary>{len(block.members)} addresses</summary><ul>{items}</ul></details>"


def _part(part: Part) -> str:
    rows = "".join(f"<dt><code>{escape(row.name)}</code></dt><dd>{_values(row)}</dd>" for row in part.rows)
    return (f'<dl class="values">{rows}</dl>' if rows else "") + f'<ul class="why">{"".join(_whys(part))}</ul>'


def _values(row: ValueRow) -> str:
    note = f' <span class="quiet">{escape(row.note)}</span>' if row.note else ""
    if row.is_change:
        return (
            f'<span class="was">{escape(row.before or "")}</span> <span aria-label="becomes" role="img">→</span> '
            f'<span class="will">{escape(row.after or "")}</span>{note}'
        )
    return f'<span class="will">{escape(row.after or row.before or "")}</span>{note}'


def _whys(part: Part) -> Iterable[str]:
    for why in part.whys:
        severity = f" {chip(why.severity, _SEVERITY_TONES[why.severity])}" if why.severity is not Severity.INFO else ""
        source = f" <code>{escape(why.source)}</code>" if why.source else ""
        who = f"<b>{escape(why.who)}</b>{severity}{source}: " if why.who else ""
        yield f"<li>{who}{escape(why.reason)}</li>"
        yield from (f"<li>overrules {escape(overruled)}</li>" for overruled in why.overruled)


def _drift(plan: Plan) -> Iterable[str]:
    for group in drift_groups(plan):
        rows = "".join(
            f"<dt><code>{escape(name)}</code></dt><dd>{_values(ValueRow(name=name, before=before, after=after))}</dd>"
            for name, before, after in drift_rows(group[0])
        )
        comments = "".join(f"<li>{escape(line)}</li>" for line in drift_comments(group))
        where = gpu_ranges(drift.gpu.index for drift in group)
        yield (
            f'<article class="card bad"><div class="head"><h3>{escape(where)} '
            f'<span class="quiet">changed outside of esnode</span> {chip(group[0].cause, "bad")}</h3></div>'
            f'<dl class="values">{rows}</dl><ul class="why">{comments}</ul></article>'
        )


def _diagnostic(item: Diagnostic) -> str:
    tone = "bad" if item.severity is Level.ERROR else "warn"
    place = (
        f'<p class="small"><code>{escape(f"{item.range.filename}:{item.range.line}")}</code></p>' if item.range else ""
    )
    source = f"<pre>{_marked(item.range)}</pre>" if item.range and item.range.source else ""
    detail = f'<p class="small quiet">{escape(item.detail)}</p>' if item.detail else ""
    return f'<article class="card {tone}"><h3>{escape(item.summary)}</h3>{place}{source}{detail}</article>'


def _marked(place: Range) -> str:
    """The source line with its fault underlined."""
    start, end = place.column - 1, max(place.end_column - 1, place.column)
    before, fault, after = place.source[:start], place.source[start:end], place.source[end:]
    return f"{place.line}: {escape(before)}<mark>{escape(fault)}</mark>{escape(after)}"


def _policy(policy: PolicyStands) -> str:
    source = f' <code class="quiet">{escape(policy.source)}</code>' if policy.source else ""
    return (
        f'<article class="card"><h3>{escape(policy.name)}{source}</h3>{"".join(map(_stand, policy.stands))}</article>'
    )


def _stand(stand: Stand) -> str:
    note = f'<p class="small quiet">{escape(stand.note)}</p>' if stand.note else ""
    return (
        f'<div class="stand"><p>{chip(stand.status, _STATUS_TONES[stand.status])}</p>'
        f'<div><p>{escape(stand.reason)}</p>{note}<p class="small quiet">{escape(stand.gpus)}</p></div></div>'
    )


def _facts(plan: Plan, digest: str) -> str:
    facts = [
        ("Made", f"{plan.timestamp.strftime('%Y-%m-%d %H:%M:%S')} UTC"),
        ("Valid until", f"{plan.expires_at.strftime('%Y-%m-%d %H:%M:%S')} UTC"),
        ("Kind", plan.mode.value.replace("_", " ")),
        ("Machine", f"{plan.node.identity.machine_id} ({plan.node.identity.machine_id_kind})"),
        (
            "State",
            f"lineage {plan.prior_state.lineage}, serial {plan.prior_state.serial}" if plan.prior_state.lineage else "",
        ),
        ("Profiles", "\n".join(f"{item.name} {item.version} {item.path}" for item in plan.profiles)),
        ("Digest", digest),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts if value)
    return f'<div class="card"><dl class="facts">{rows}</dl></div>'
