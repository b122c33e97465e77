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
    return Selecting(profile, node).select(gpu)


class Selecting:
    """One profile on one node: GPUs that show the same are matched once."""

    def __init__(self, profile: Profile, node: Node) -> None:
        self._name = profile.name
        self._tags, self._given = profile.selector.tags, _facts_of_node(node)
        labels = _labels(profile, node)
        self._of_labels = [
            _match_key("label", key, patterns, labels.get(key)) for key, patterns in profile.selector.labels.items()
        ]
        self._found: dict[tuple[Reading[str] | None, ...], tuple[Match, tuple[str, ...]]] = {}

    def select(self, gpu: ObservedGpu) -> Selection:
        """As the function `select`."""
        values = tuple([gpu.tags[key] if key in gpu.tags else self._given.get(key) for key in self._tags])
        found = self._found.get(values)
        if found is None:
            found = self._found[values] = self._match(values)
        match, reasons = found
        return Selection(profile=self._name, gpu=gpu.identity.uuid, match=match, reasons=reasons)

    def _match(self, values: tuple[Reading[str] | None, ...]) -> tuple[Match, tuple[str, ...]]:
        of_tags = [
            _match_key("tag", key, patterns, value)
            for (key, patterns), value in zip(self._tags.items(), values, strict=True)
        ]
        matches = [*of_tags, *self._of_labels]
        return _all([match for match, _ in matches]), tuple(reason for _, reason in matches if reason)


def _labels(profile: Profile, node: Node) -> Mapping[str, Reading[str]]:
    """The labels; where a source of them could not be asked, one that nobody gave is missing and not absent."""
    if node.labels_failure is None:
        return node.labels
    return {**dict.fromkeys(profile.selector.labels, node.labels_failure), **node.labels}


def facts_of(gpu: ObservedGpu, node: Node) -> dict[str, Reading[str]]:
    """Every tag of a GPU: what people gave, under what was discovered. A given tag never overrides a fact."""
    return {**_facts_of_node(node), **gpu.tags}


def _facts_of_node(node: Node) -> dict[str, Reading[str]]:
    return {
        **node.tags,
        "hostname": node.identity.hostname,
        "driver_version": node.driver_version,
        "cuda_version": node.cuda_version,
    }


def _match_key(kind: str, key: str, patterns: tuple[str, ...], value: Reading[str] | None) -> tuple[Match, str]:
    wanted = " or ".join(f'"{pattern}"' for pattern in patterns)
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
