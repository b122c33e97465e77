"""What an alert says to people: esnode's own words, or a channel's template with names in braces.

A template is filled in by this module alone: `{name}` stands for a text, `{{` and `}}` for braces. There are no
attributes, indexes, conversions or format codes, and nothing that a value holds is looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from esnode.errors import BadValue
from esnode.model.alerts import Notification, Occasion
from esnode.units import format_duration

FIELDS: Final[Mapping[str, Callable[[Notification], str]]] = {
    "gpu": lambda it: it.gpu.label,
    "gpu_index": lambda it: str(it.gpu.index),
    "gpu_uuid": lambda it: it.gpu.uuid,
    "gpu_model": lambda it: it.gpu.model,
    "host": lambda it: it.host,
    "profile": lambda it: it.profile,
    "policy": lambda it: it.policy,
    "severity": lambda it: it.severity.value,
    "target": lambda it: it.target,
    "condition": lambda it: it.condition,
    "value": lambda it: it.value,
    "reason": lambda it: it.reason,
    "occasion": lambda it: it.occasion.value,
    "since": lambda it: time_text(it.since),
    "plan": lambda it: it.plan_digest,
    "key": lambda it: it.key,
}
"""What may stand in braces."""

LONGEST_TEMPLATE: Final = 4000
"""Characters of a template: what the strictest services still take whole."""

_PART: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def check_template(text: str) -> None:
    """Raises BadValue, which names the part that cannot be used and lists the known names."""
    if len(text) > LONGEST_TEMPLATE:
        raise BadValue(
            f"The message has {len(text):,} characters, more than {LONGEST_TEMPLATE:,}", next_step="Shorten it."
        )
    for part in _PART.finditer(text):
        _check_part(part)


def render(template: str, notification: Notification) -> str:
    """The template with its names filled in. Raises BadValue as `check_template` does."""
    check_template(template)
    return _PART.sub(lambda part: _filled(part, notification), template)


def title_of(notification: Notification) -> str:
    """One line: how bad, where, what. Says SIMULATED when no real GPU is meant."""
    it = notification
    simulated = "SIMULATED " if it.is_simulated else ""
    place = f"{it.host} {it.gpu.label} ({it.gpu.model})"
    return f"{simulated}[{_mark(it)}] {place}: {it.policy}: {it.target} {_measured(it)}"


def text_of(notification: Notification, template: str = "") -> str:
    """The body for people, by the channel's template if it has one. Says SIMULATED when no real GPU is meant."""
    text = render(template, notification) if template else _own_text(notification)
    return f"SIMULATED: {text}" if notification.is_simulated else text


def time_text(moment: datetime) -> str:
    """A time in UTC, to the second: 2026-01-01T12:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_part(part: re.Match[str]) -> None:
    if part.group() in ("{{", "}}"):
        return
    known = f"Known are {', '.join(f'{{{name}}}' for name in FIELDS)}; a brace itself is written twice."
    name = part.group(1)
    if name is None:
        raise BadValue(f'The message has a "{part.group()}" without its partner', next_step=known)
    if name not in FIELDS:
        from difflib import get_close_matches

        near = get_close_matches(name, FIELDS, n=1)
        hint = f"Did you mean {{{near[0]}}}? " if near else ""
        raise BadValue(f'The message names "{{{name[:60]}}}", which esnode does not know', next_step=hint + known)


def _filled(part: re.Match[str], notification: Notification) -> str:
    name = part.group(1)
    return part.group()[0] if name is None else FIELDS[name](notification)


def _mark(it: Notification) -> str:
    match it.occasion:
        case Occasion.RESOLVED:
            return "resolved"
        case Occasion.REMINDER:
            return f"{it.severity.value}, for {_lasted(it)}"
        case Occasion.FIRING:
            return it.severity.value


def _measured(it: Notification) -> str:
    if it.occasion is Occasion.RESOLVED:
        return f"{it.value}, was {it.condition}" if it.value else f"was {it.condition}"
    return f"{it.value} {it.condition}".lstrip()


def _own_text(it: Notification) -> str:
    ended = f", ended {time_text(it.ended_at)}" if it.ended_at else ""
    lines = (
        it.reason,
        f"{it.gpu.label} is {it.gpu.name}, {it.gpu.uuid}",
        f"since {time_text(it.since)}{ended} ({_lasted(it)})",
        f"profile {it.profile}, policy {it.policy}, plan {it.plan_digest[:12]}",
    )
    return "\n".join(line for line in lines if line)


def _lasted(it: Notification) -> str:
    return format_duration(max(0.0, ((it.ended_at or it.sent_at) - it.since).total_seconds()))
