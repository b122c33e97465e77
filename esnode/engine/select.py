"""Which GPUs a profile is for, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from esnode.model.hardware import Node, ObservedGpu
from esnode.model.profile import Profile
from esnode.model.readings import Missing, MissingReason, Reading
from esnode.model.verdict import Match, Selection


def select(profile: Profile, gpu: ObservedGpu, node: Node) -> Selection:
    """Match one GPU against a profile's selectors. All keys must match; no selectors match all GPUs."""
    tags = facts_of(gpu, node)
    reasons = []
    matches = []
    labels = _labels(profile, node)
    for kind, wanted, given in (("tag", profile.selector.tags, tags), ("label", profile.selector.labels, labels)):
        for key, patterns in wanted.items():
            match, reason = _match_key(kind, key, patterns, given)
            matches.append(match)
            if reason:
                reasons.append(reason)
    return Selection(profile=profile.name, gpu=gpu.identity.uuid, match=_all(matches), reasons=tuple(reasons))


def _labels(profile: Profile, node: Node) -> Mapping[str, Reading[str]]:
    """The labels; where a source of them could not be asked, one that nobody gave is missing and not absent."""
    if node.labels_failure is None:
        return node.labels
    return {**dict.fromkeys(profile.selector.labels, node.labels_failure), **node.labels}


def facts_of(gpu: ObservedGpu, node: Node) -> dict[str, Reading[str]]:
    """Every tag of a GPU: what people gave, under what was discovered. A given tag never overrides a fact."""
    facts: dict[str, Reading[str]] = {
        "hostname": node.identity.hostname,
        "driver_version": node.driver_version,
        "cuda_version": node.cuda_version,
    }
    return {**node.tags, **facts, **gpu.tags}


def _match_key(kind: str, key: str, patterns: tuple[str, ...], given: Mapping[str, Reading[str]]) -> tuple[Match, str]:
    wanted = " or ".join(f'"{pattern}"' for pattern in patterns)
    value = given.get(key)
    match value:
        case None:
            hint = f"-{kind} {key}={patterns[0]}" if "*" not in patterns[0] else f"-{kind} {key}=..."
            return Match.NOT_SELECTED, f"{kind} {key} was not given, the profile wants {wanted} ({hint})"
        case Missing(missing=MissingReason.UNSUPPORTED):
            return Match.NOT_SELECTED, f"{kind} {key} does not exist on this GPU, the profile wants {wanted}"
        case Missing():
            return Match.UNKNOWN, f"{kind} {key} could not be read ({value.in_words()}), the profile wants {wanted}"
        case _ if any(fnmatchcase(value.casefold(), pattern.casefold()) for pattern in patterns):
            return Match.SELECTED, ""
        case _:
            return Match.NOT_SELECTED, f'{kind} {key} is "{value}", the profile wants {wanted}'


def _all(matches: list[Match]) -> Match:
    """One certain mismatch decides, whatever could not be read."""
    if Match.NOT_SELECTED in matches:
        return Match.NOT_SELECTED
    return Match.UNKNOWN if Match.UNKNOWN in matches else Match.SELECTED
