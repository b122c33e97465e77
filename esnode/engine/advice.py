"""Warnings: what a reviewer of a plan should know beside its changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from esnode.diagnostics import Diagnostic, Range, warning
from esnode.engine.resolve import Desired, Resolution
from esnode.model.hardware import Observation, ObservedGpu
from esnode.model.plan import Cause, Change, Mode, Step, gpu_ranges
from esnode.model.profile import Profile
from esnode.model.readings import Missing
from esnode.model.settings import GRAPHICS_CLOCK, MEMORY_CLOCK, PERSISTENCE, SETTINGS
from esnode.model.state import ManagedGpu, State
from esnode.model.verdict import Match, Selection, Status
from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuAdvice:
    """One GPU, and what was decided about it."""

    gpu: ObservedGpu
    resolution: Resolution
    unreadable: tuple[Desired, ...]
    change: Change | None


class _Note(NamedTuple):
    """A warning's summary, with {gpu} where the GPU is named, its detail, and its place in a profile."""

    summary: str
    detail: str = ""
    range: Range | None = None


def advise(
    gpus: Sequence[GpuAdvice],
    profiles: Sequence[Profile],
    selections: Sequence[Selection],
    state: State,
    mode: Mode,
    targets: Sequence[str],
) -> tuple[Diagnostic, ...]:
    """Every warning of a plan, each once."""
    given = list(_given_warnings(profiles, gpus, state)) if mode is Mode.NORMAL else []
    return (
        *given,
        *_folded(gpus, {profile.name: profile for profile in profiles}),
        *_selection_warnings(profiles, selections),
        *_target_warnings(targets),
    )


def unidentified_warnings(observation: Observation) -> Iterator[Diagnostic]:
    """The GPUs that the driver counts and nobody has ever seen. One that an earlier look knew is among the others."""
    known = {gpu.identity.index for gpu in observation.gpus}
    unknown: dict[str, list[int]] = {}
    for gpu in observation.unidentified:
        if gpu.index not in known:
            unknown.setdefault(gpu.failure.in_words(), []).append(gpu.index)
    for why, indexes in unknown.items():
        yield warning(
            f"{gpu_ranges(indexes)} could not be read: {why}",
            "That the driver counts it is all that is known of it: nothing is planned for it.",
        )


def _notes(about: GpuAdvice, profiles: Mapping[str, Profile]) -> Iterator[_Note]:
    gpu = about.gpu
    if gpu.failure:
        summary = f"{{gpu}} could not be read: {gpu.failure.in_words()}"
        yield _Note(summary, "What esnode manages on it stays as it is.")
    else:
        for item in about.unreadable:
            why = item.present.in_words() if isinstance(item.present, Missing) else ""
            summary = f"The {SETTINGS[item.setting].title} of {{gpu}} could not be read: {why}"
            yield _Note(summary, "It is left as it is.")
        for verdict in about.resolution.verdicts:
            if verdict.status is Status.UNKNOWN:
                place = profiles[verdict.profile].place_of(verdict.policy, "target")
                yield _Note(
                    f"Policy {verdict.policy} of {verdict.profile} is UNKNOWN on {{gpu}}", verdict.reason, place
                )
    for obstacle in about.resolution.obstacles:
        yield _Note(f"Nothing is done on {{gpu}} for {obstacle}")
    for note in about.resolution.notes:
        yield _Note(f"{note} ({{gpu}})")
    if about.change:
        yield from _change_notes(gpu, about.change)


def _change_notes(gpu: ObservedGpu, change: Change) -> Iterator[_Note]:
    kept = {name for name in change.settings if name not in change.forget}
    persistent = change.after.get(PERSISTENCE, gpu.setting(PERSISTENCE))
    if persistent is False and kept - {PERSISTENCE}:
        yield _Note(
            "Persistence mode of {gpu} is off",
            "What is set there is gone as soon as the last client closes the GPU. "
            "Add persistence_mode: true to the profile's settings.",
        )
    if any(step.step is Step.START and step.setting == GRAPHICS_CLOCK for step in change.holds):
        yield _Note(
            "A clock lock on {gpu} is given back by esnode alone",
            "Outside a control loop nobody is there to release it when work arrives: plan and apply again then.",
        )
    if {GRAPHICS_CLOCK, MEMORY_CLOCK} & set(change.forget):
        yield _Note(
            "Giving the clock lock of {gpu} back means a reset",
            "No driver can tell whether a lock was there before esnode's; an earlier one is not restored.",
        )


def _folded(gpus: Sequence[GpuAdvice], profiles: Mapping[str, Profile]) -> list[Diagnostic]:
    """Each note once, with all the GPUs that it is about."""
    indexes: dict[_Note, list[int]] = {}
    for about in gpus:
        for note in _notes(about, profiles):
            indexes.setdefault(note, []).append(about.gpu.identity.index)
    return [
        warning(note.summary.replace("{gpu}", gpu_ranges(found)), note.detail, range=note.range)
        for note, found in indexes.items()
    ]


def _given_warnings(profiles: Sequence[Profile], gpus: Sequence[GpuAdvice], state: State) -> Iterator[Diagnostic]:
    """The profiles given are the whole truth, so say loudly when less was given than last time."""
    given = {profile.name for profile in profiles}
    for name in sorted({owner for record in state.managed.gpus.values() for owner in _owners(record)} - given):
        yield warning(
            f"Profile {name} was applied before and is not given now",
            "What it wanted is planned back. If that is not meant, give it again with -f.",
        )
    lost: dict[str, list[int]] = {}
    for about in gpus:
        reasons = about.change.because.values() if about.change else ()
        for name in {because.profile for because in reasons if because.cause is Cause.NOT_SELECTED}:
            lost.setdefault(name, []).append(about.gpu.identity.index)
    for name, indexes in sorted(lost.items()):
        yield warning(
            f"Profile {name} no longer selects {gpu_ranges(indexes)}",
            "What it wanted there is planned back. If that is not meant, was a -tag or -label forgotten?",
        )


def _owners(record: ManagedGpu) -> set[str]:
    holders = {key.rpartition("/")[0] for key in record.holds}
    return holders | {managed.owner.profile for managed in record.settings.values()}


def _selection_warnings(profiles: Sequence[Profile], selections: Sequence[Selection]) -> Iterator[Diagnostic]:
    for profile in profiles:
        of_profile = [selection for selection in selections if selection.profile == profile.name]
        if of_profile and all(selection.match is Match.NOT_SELECTED for selection in of_profile):
            reasons = dict.fromkeys(reason for selection in of_profile for reason in selection.reasons)
            place = profile.range("selectors")
            yield warning(f"Profile {profile.name} selects no GPU", "; ".join(reasons) + ".", range=place)


def _target_warnings(targets: Sequence[str]) -> Iterator[Diagnostic]:
    if targets:
        yield warning("Resource targeting is in effect", "The plan holds changes of " + ", ".join(targets) + " only.")
