"""What is valid and still looks wrong. Few warnings, each of them true."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from esnode.diagnostics import Diagnostic, warning
from esnode.model.metrics import metric
from esnode.model.profile import Condition, KillProcess, Path, Policy, Profile, ThrottlePower
from esnode.model.settings import POWER_LIMIT
from esnode.units import format_number

TAGS = (
    "gpu_model",
    "gpu_name",
    "gpu_uuid",
    "gpu_index",
    "vram_size",
    "architecture",
    "pci_bus_id",
    "driver_version",
    "cuda_version",
    "hostname",
    "mig_mode",
)
"""The tags that esnode discovers by itself. Others come from the node file."""

_MORE_THAN_ANY_BOARD = 5000.0


def lint_profile(profile: Profile) -> tuple[Diagnostic, ...]:
    """Warnings about a valid profile, in the order of its text."""
    found = [_warn(profile, path, summary, detail) for path, summary, detail in _of_profile(profile)]
    for index, policy in enumerate(profile.policies):
        for rule in _RULES:
            for part, summary, detail in rule(profile, policy):
                found.append(_warn(profile, ("policies", index, *part), f'policy "{policy.name}": {summary}', detail))
    return tuple(sorted(found, key=lambda each: each.range.line if each.range else 0))


Finding = tuple[Path, str, str]


def _of_profile(profile: Profile) -> Iterator[Finding]:
    if not profile.policies and not profile.settings:
        yield ("policies",), "the profile does nothing", "It has neither settings nor policies."
    from difflib import get_close_matches

    for tag in profile.selector.tags:
        near = get_close_matches(tag, TAGS, n=1, cutoff=0.8)
        if near and tag not in TAGS:
            detail = f'Did you mean "{near[0]}"? A tag that nothing gives selects no GPU.'
            yield ("selectors", "matchTags", tag), f'esnode does not discover a tag "{tag}"', detail


def _kills_at_once(profile: Profile, policy: Policy) -> Iterator[Finding]:
    if isinstance(policy.action, KillProcess) and not policy.duration_seconds:
        detail = 'Add a duration, for example duration: "1m".'
        yield ("action",), "kill_process without a duration acts on a single reading", detail


def _overlapping_release(profile: Profile, policy: Policy) -> Iterator[Finding]:
    release = policy.release.condition
    if release and _overlap(policy.condition, release):
        summary = f'the release "{release}" can be true together with the condition "{policy.condition}"'
        yield ("release", "condition"), summary, "The effect would come and go. Release on the other side of the limit."


def _overlap(one: Condition, other: Condition) -> bool:
    """Whether some value makes both true; only for conditions with a direction."""
    if (one.op.is_upper and other.op.is_upper) or (one.op.is_lower and other.op.is_lower):
        return True
    upper, lower = (one, other) if one.op.is_upper else (other, one)
    if not (upper.op.is_upper and lower.op.is_lower):
        return False
    touches = upper.limit == lower.limit and "=" in upper.op and "=" in lower.op
    return touches or upper.limit < lower.limit


def _never_true(profile: Profile, policy: Policy) -> Iterator[Finding]:
    highest, condition = metric(policy.target).highest, policy.condition
    is_above = condition.limit >= highest and condition.op == ">"
    is_below = condition.limit <= 0 and condition.op == "<" and highest != float("inf")
    if is_above or is_below:
        yield ("condition",), f'the condition "{condition}" is never true', "The policy would never act."


def _floor_above_base(profile: Profile, policy: Policy) -> Iterator[Finding]:
    base = profile.settings.get(POWER_LIMIT)
    if isinstance(policy.action, ThrottlePower) and isinstance(base, float) and policy.action.min_watts >= base:
        summary = f"min_watts is not below power_limit_watts ({format_number(base)} W)"
        yield ("action", "parameters", "min_watts"), summary, "There is nothing left to throttle."


def _milliwatts(profile: Profile, policy: Policy) -> Iterator[Finding]:
    if not isinstance(policy.action, ThrottlePower):
        return
    for key, value in (("step_watts", policy.action.step_watts), ("min_watts", policy.action.min_watts)):
        if value > _MORE_THAN_ANY_BOARD:
            detail = f"Is it in milliwatts? Then write {format_number(value / 1000)}."
            yield ("action", "parameters", key), f"{key} is more than any board draws", detail


def _loop_only(profile: Profile, policy: Policy) -> Iterator[Finding]:
    why = metric(policy.target).loop_only
    if why:
        detail = f"{why[0].upper()}{why[1:]}: keep the profile with esnode enforce."
        yield ("target",), f"{policy.target} is UNKNOWN to esnode plan: there the policy does not act", detail


_RULES: tuple[Callable[[Profile, Policy], Iterator[Finding]], ...] = (
    _kills_at_once,
    _overlapping_release,
    _never_true,
    _floor_above_base,
    _milliwatts,
    _loop_only,
)


def _warn(profile: Profile, path: Path, summary: str, detail: str) -> Diagnostic:
    return warning(summary, detail, range=profile.range(*path))
