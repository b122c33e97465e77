"""Profiles made from what was found: small, in order, with a comment beside what is not wanted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from esnode.model.profile import Selector
from esnode.model.settings import SETTINGS, ClockRange, Kind, SettingValue
from esnode.records import dataclass
from esnode.storage.profiles.grammar import ACCEPTED_COMPUTE_MODES
from esnode.units import format_number


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingLine:
    """One setting: named when `is_wanted`, else a comment. `value` is None where there is none to write."""

    setting: str
    value: SettingValue
    is_wanted: bool
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileDraft:
    """One document to be written."""

    name: str
    description: str
    selector: Selector
    settings: Sequence[SettingLine]


def profiles_text(drafts: Sequence[ProfileDraft], heading: Sequence[str]) -> str:
    """One YAML file with a document for each draft, valid by the profile's schema."""
    head = "".join(f"# {_one_line(line)}\n" for line in heading)
    return head + "---\n".join("\n".join(_lines(draft)) + "\n" for draft in drafts)


def _lines(draft: ProfileDraft) -> Iterator[str]:
    yield "apiVersion: v1"
    yield "kind: EfficiencyProfile"
    yield "metadata:"
    yield f"  name: {_text(draft.name)}"
    yield f"  description: {_text(draft.description)}"
    yield '  version: "1.0.0"'
    yield ""
    if draft.selector.tags:
        yield "selectors:"
        yield "  matchTags:"
        yield from _patterns(draft.selector.tags)
        yield ""
    wanted = [_setting(line) for line in draft.settings if _can_be_named(line)]
    yield "settings:" if wanted else "settings: {}"
    yield from (f"  {line}" for line in wanted)
    yield from (f"  # {_comment(line)}" for line in draft.settings if not _can_be_named(line))
    yield ""
    yield "policies: []"


def _patterns(tags: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for key, patterns in tags.items():
        yield f"    {key}:"
        yield from (f"      - {_text(pattern)}" for pattern in patterns)


def _can_be_named(line: SettingLine) -> bool:
    """The grammar does not take every mode that a driver may still report."""
    is_accepted = SETTINGS[line.setting].kind is not Kind.CHOICE or line.value in ACCEPTED_COMPUTE_MODES
    return line.is_wanted and line.value is not None and is_accepted


def _setting(line: SettingLine) -> str:
    remark = f"  # {_one_line(line.remark)}" if line.remark else ""
    return f"{line.setting}: {_value(line.value)}{remark}"


def _comment(line: SettingLine) -> str:
    if line.value is None:
        return f"{line.setting}: {_one_line(line.remark)}"
    return f"{line.setting}: {_value(line.value)}  # {_one_line(line.remark) or 'a profile cannot ask for it'}"


def _value(value: SettingValue) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case ClockRange() if value.min == value.max:
            return str(value.min)
        case ClockRange():
            return f"{{min: {value.min}, max: {value.max}}}"
        case float() | int():
            return format_number(value)
        case _:
            return _text(str(value)) if value not in ACCEPTED_COMPUTE_MODES else str(value)


def _text(text: str) -> str:
    """A double-quoted scalar: what JSON writes, YAML reads."""
    return json.dumps(text, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
