"""What a story expects, from a document whose structure is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esnode.model.profile import Path, Profile
from esnode.model.settings import SETTINGS, SettingValue
from esnode.model.story import (
    About,
    ChangeExpected,
    Counted,
    CountExpected,
    Expectation,
    Manner,
    SettingsExpected,
    StatusExpected,
    Wanted,
    Window,
)
from esnode.storage.stories.notes import Notes, Parts, did_you_mean, listed

_WHO = ("gpu", "profile", "policy")
_WHEN = ("at", "from", "to")

KINDS: Mapping[str, tuple[str, ...]] = {
    "status": (*_WHEN, *_WHO, "reason"),
    "never": ("from", "to", *_WHO),
    "ever": ("from", "to", *_WHO, "reason"),
    "change": (*_WHEN, *_WHO, "before", "after", "action", "process"),
    "settings": ("at", "gpu"),
    "changes": ("from", "to", *_WHO, "setting"),
    "writes": ("from", "to", "gpu", "setting"),
    "failures": ("from", "to", *_WHO, "setting"),
}
"""The word that says what is expected, and the words that it may have beside it."""

_NEED_POLICY = ("status", "never", "ever")


def read_expectations(
    notes: Notes, path: Path, given: Sequence[Parts], profiles: Sequence[Profile], count: int | None
) -> tuple[Expectation, ...]:
    """Each expectation that is right; what is wrong with the others is in the notes. `count` GPUs, if that is known."""
    made = []
    for index, one in enumerate(given):
        at = (*path, index)
        kind = _kind(notes, at, one)
        if kind is None:
            continue
        window = _window(notes, at, one, kind)
        about = _about(notes, at, one, profiles, count)
        made.append(Expectation(wanted=_wanted(notes, at, one, kind, window, about), line=notes.line(at)))
    return tuple(made)


def last_moment(expectation: Expectation) -> float:
    """The latest time that an expectation names; 0 when it names none."""
    wanted = expectation.wanted
    if isinstance(wanted, SettingsExpected):
        return wanted.at or 0.0
    return max(wanted.window.start or 0.0, wanted.window.end or 0.0)


def _kind(notes: Notes, path: Path, given: Parts) -> str | None:
    kinds = [name for name in KINDS if name in given]
    if len(kinds) != 1:
        summary = f"an expectation has exactly one of {', '.join(KINDS)}"
        notes.wrong(path, f"{summary}, found {' and '.join(kinds) or 'none of them'}")
        return None
    kind = kinds[0]
    strangers = [key for key in given if key != kind and key not in KINDS[kind]]
    for key in strangers:
        detail = f"It may have {', '.join(KINDS[kind])}."
        notes.wrong((*path, key), f'"{key}" has no meaning beside "{kind}"', detail, at_key=True)
    if kind in _NEED_POLICY and "policy" not in given:
        notes.wrong(path, f'"{kind}" is of a policy', "Add policy: NAME.")
    if kind == "status" and not any(key in given for key in _WHEN):
        notes.wrong(path, '"status" is expected at some time', "Add at: 5m, or from: and to: for all of a while.")
    return None if strangers else kind


def _window(notes: Notes, path: Path, given: Parts, kind: str) -> Window:
    times = {key: notes.seconds((*path, key), given[key]) for key in _WHEN if key in given}
    if "at" in times:
        if len(times) > 1:
            notes.wrong((*path, "at"), '"at" is one moment, "from" and "to" are a while', "Write one or the other.")
        return Window(start=times["at"], end=times["at"])
    window = Window(start=times.get("from"), end=times.get("to"))
    if window.start is not None and window.end is not None and window.end < window.start:
        notes.wrong((*path, "to"), '"to" is before "from"')
    return window


def _about(notes: Notes, path: Path, given: Parts, profiles: Sequence[Profile], count: int | None) -> About:
    gpus = tuple(int(gpu) for gpu in listed(given["gpu"])) if "gpu" in given else ()
    if count is not None and gpus and max(gpus) >= count:
        notes.wrong((*path, "gpu"), f"there is no GPU {max(gpus)}", f"The machine has GPUs 0 to {count - 1}.")
    profile, policy = given.get("profile", ""), given.get("policy", "")
    names = [one.name for one in profiles]
    if profile and profile not in names:
        notes.wrong((*path, "profile"), f'there is no profile "{profile}"', did_you_mean(profile, names))
    elif policy:
        profile = _owner(notes, (*path, "policy"), policy, profile, profiles)
    subject = given.get("change", "") or given.get("setting", "")
    return About(gpus=gpus, profile=profile, policy=policy, subject=subject)


def _owner(notes: Notes, path: Path, policy: str, profile: str, profiles: Sequence[Profile]) -> str:
    """The profile of a policy."""
    asked = [one for one in profiles if not profile or one.name == profile]
    having = [one.name for one in asked if one.policy(policy)]
    if len(having) == 1:
        return having[0]
    if having:
        notes.wrong(path, f'{len(having)} profiles have a policy "{policy}"', f"Add profile: {having[0]}.")
    elif policy == "settings" and any(one.settings for one in asked):
        return profile
    else:
        known = [known.name for one in asked for known in one.policies]
        notes.wrong(path, f'there is no policy "{policy}"', did_you_mean(policy, known))
    return profile


def _wanted(notes: Notes, path: Path, given: Parts, kind: str, window: Window, about: About) -> Wanted:
    match kind:
        case "status" | "never" | "ever":
            return StatusExpected(
                window=window,
                about=about,
                manner={"status": Manner.IS, "never": Manner.NEVER, "ever": Manner.EVER}[kind],
                statuses=listed(given[kind]),
                reason=given.get("reason", ""),
            )
        case "change":
            return _change(notes, path, given, window, about)
        case "settings":
            return SettingsExpected(
                at=window.start,
                about=about,
                settings={
                    name: notes.setting_value((*path, "settings", name), name, value)
                    for name, value in given["settings"].items()
                },
            )
        case _:
            least, most = _bounds(notes, (*path, kind), given[kind])
            return CountExpected(window=window, about=about, what=Counted(kind), least=least, most=most)


def _change(notes: Notes, path: Path, given: Parts, window: Window, about: About) -> ChangeExpected:
    values: dict[str, SettingValue] = {}
    for key in ("before", "after"):
        if key not in given:
            continue
        if about.subject in SETTINGS:
            values[key] = notes.setting_value((*path, key), about.subject, given[key])
        else:
            notes.wrong((*path, key), f'"{key}" is for settings, not for {about.subject}', "Use action: create.")
    if "process" in given and about.subject != "process":
        notes.wrong((*path, "process"), '"process" has a meaning beside change: process only')
    return ChangeExpected(
        window=window,
        about=about,
        values=values,
        action=given.get("action", ""),
        process=given.get("process", ""),
    )


def _bounds(notes: Notes, path: Path, given: object) -> tuple[int, int | None]:
    match given:
        case "none":
            return 0, 0
        case dict():
            least, most = int(given.get("at_least", 0)), given.get("at_most")
            if not given:
                notes.wrong(path, "a count needs a bound", "Write none, 3, or {at_most: 3}.")
            elif most is not None and most < least:
                notes.wrong(path, f"at_most {most} is below at_least {least}")
            return least, None if most is None else int(most)
        case _:
            return int(str(given).removesuffix(".0")), int(str(given).removesuffix(".0"))
