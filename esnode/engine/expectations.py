"""Whether what a story expects came about. Pure: the run in, an outcome for each expectation out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from esnode.engine.timeline import deed_rows, find, status_rows
from esnode.model.settings import SETTINGS, SettingValue
from esnode.model.story import (
    ALWAYS,
    About,
    ChangeExpected,
    Counted,
    CountExpected,
    Expectation,
    Manner,
    SettingsExpected,
    StatusExpected,
    Story,
    Window,
)
from esnode.model.story_run import Deed, Look, Outcome, Row, StoryRun
from esnode.units import format_moment

_NOBODY = "no verdict at all"


def judge_story(story: Story, run: StoryRun) -> tuple[Outcome, ...]:
    """One outcome for each expectation. A failure that nobody expected to be counted is one more, and fails."""
    outcomes = [judge(expectation, run) for expectation in story.expectations]
    counts = (one.wanted for one in story.expectations)
    if not any(isinstance(wanted, CountExpected) and wanted.what is Counted.FAILURES for wanted in counts):
        silent = CountExpected(window=ALWAYS, about=About(), what=Counted.FAILURES, most=0)
        outcome = judge(Expectation(wanted=silent, line=story.line), run)
        outcomes += [] if outcome.passed else [outcome]
    return tuple(outcomes)


def judge(expectation: Expectation, run: StoryRun) -> Outcome:
    """How one expectation fared."""
    line = expectation.line
    match expectation.wanted:
        case StatusExpected() as wanted:
            return _judge_status(wanted, run, line)
        case ChangeExpected() as wanted:
            return _judge_change(wanted, run, line)
        case SettingsExpected() as wanted:
            return _judge_settings(wanted, run, line)
        case CountExpected() as wanted:
            return _judge_count(wanted, run, line)


# -- a status ------------------------------------------------------------------------------------


def _judge_status(wanted: StatusExpected, run: StoryRun, line: int) -> Outcome:
    """Every GPU that is meant must do; the first one that does not is told of."""
    expected = _status_in_words(wanted)
    # Until the next look a verdict stands: a while that begins between two looks begins with the one before.
    before = _look_at(run, wanted.window.start or 0.0)
    looks = [before, *(look for look in _looks(run, wanted.window) if look.at > before.at)]
    for gpu in wanted.about.gpus or run.gpus:
        failed = _first_failure(wanted, looks, gpu)
        if failed:
            at, saw, reason = failed
            key = (wanted.about.profile, wanted.about.policy, gpu)
            return Outcome(
                expected=expected,
                passed=False,
                line=line,
                saw=f"{saw} on GPU-{gpu}",
                at=at,
                reason=reason,
                rows=status_rows(run, key, at),
            )
    return Outcome(expected=expected, passed=True, line=line)


def _first_failure(wanted: StatusExpected, looks: Sequence[Look], gpu: int) -> tuple[float, str, str] | None:
    """When, what and why; None when the GPU does what is expected of it."""
    key = (wanted.about.profile, wanted.about.policy, gpu)
    seen: list[str] = []
    for look in looks:
        found = find(look, key)
        status, reason = (found.status, found.reason) if found else (_NOBODY, "")
        is_one = status in wanted.statuses and wanted.reason in reason
        if wanted.manner is Manner.EVER and is_one:
            return None
        if (wanted.manner is Manner.IS and not is_one) or (wanted.manner is Manner.NEVER and is_one):
            return look.at, status, reason
        if status not in seen:
            seen.append(status)
    if wanted.manner is not Manner.EVER:
        return None
    found = find(looks[-1], key)
    return looks[-1].at, f"only {', '.join(seen)}", found.reason if found else ""


# -- a change ------------------------------------------------------------------------------------


def _judge_change(wanted: ChangeExpected, run: StoryRun, line: int) -> Outcome:
    expected = _change_in_words(wanted)
    looks = _looks(run, wanted.window)
    candidates = [deed for look in looks for deed in look.deeds if _concerns(deed, wanted.about)]
    if any(_is_as_expected(deed, wanted) for deed in candidates):
        return Outcome(expected=expected, passed=True, line=line)
    at = looks[0].at if wanted.window.is_moment and looks else candidates[0].at if candidates else None
    saw = "; ".join(f"{deed} at {format_moment(deed.at)}" for deed in candidates[:3]) or "no such change"
    return Outcome(
        expected=expected, passed=False, line=line, saw=saw, at=at, rows=_rows_about(wanted.about, run, at, looks)
    )


def _is_as_expected(deed: Deed, wanted: ChangeExpected) -> bool:
    return (
        not deed.error
        and wanted.action in ("", deed.action)
        and (not wanted.process or fnmatchcase(deed.name, wanted.process))
        and all(_is_same(deed.subject, getattr(deed, end), value) for end, value in wanted.values.items())
    )


# -- settings ------------------------------------------------------------------------------------


def _judge_settings(wanted: SettingsExpected, run: StoryRun, line: int) -> Outcome:
    look = run.looks[-1] if wanted.at is None else _look_at(run, wanted.at)
    expected = _settings_in_words(wanted)
    for gpu in wanted.about.gpus or run.gpus:
        for name, value in wanted.settings.items():
            there = look.settings[gpu][name]
            if not _is_same(name, there, value):
                return Outcome(
                    expected=expected,
                    passed=False,
                    line=line,
                    saw=f"{SETTINGS[name].title} {SETTINGS[name].show(there)} on GPU-{gpu}",
                    at=look.at,
                    rows=_written_before(run, gpu, name, look.at),
                )
    return Outcome(expected=expected, passed=True, line=line)


def _written_before(run: StoryRun, gpu: int, name: str, at: float) -> tuple[Row, ...]:
    return deed_rows(run, lambda deed: deed.gpu == gpu and deed.subject == name, at)


# -- counts --------------------------------------------------------------------------------------


def _judge_count(wanted: CountExpected, run: StoryRun, line: int) -> Outcome:
    found = [
        deed
        for look in _looks(run, wanted.window)
        for deed in look.deeds
        if _concerns(deed, wanted.about) and _counts(deed, wanted.what)
    ]
    passed = wanted.least <= len(found) and (wanted.most is None or len(found) <= wanted.most)
    expected = _count_in_words(wanted)
    if passed:
        return Outcome(expected=expected, passed=True, line=line)
    over = found[wanted.most] if wanted.most is not None and len(found) > wanted.most else None
    saw = _counted(len(found), wanted.what) + (f", one too many: {over}" if over else "")
    return Outcome(
        expected=expected,
        passed=False,
        line=line,
        saw=saw,
        at=over.at if over else None,
        reason=over.reason if over else "",
        rows=deed_rows(run, lambda deed: deed in found, over.at if over else None),
    )


def _counts(deed: Deed, what: Counted) -> bool:
    match what:
        case Counted.CHANGES:
            return not deed.error
        case Counted.WRITES:
            return deed.is_write
        case Counted.FAILURES:
            return bool(deed.error)


# -- when and what -------------------------------------------------------------------------------


def _looks(run: StoryRun, window: Window) -> Sequence[Look]:
    """The looks of a while; of a moment the one look that was in force."""
    if window.is_moment:
        return [_look_at(run, window.start or 0.0)]
    start, end = window.start or 0.0, float("inf") if window.end is None else window.end
    return [look for look in run.looks if start - 1e-9 <= look.at <= end + 1e-9]


def _look_at(run: StoryRun, at: float) -> Look:
    """The last look up to a moment."""
    return run.looks[min(int(at / run.interval + 1e-9), len(run.looks) - 1)]


def _concerns(deed: Deed, about: About) -> bool:
    if about.gpus and deed.gpu not in about.gpus and not (deed.gpu is None and not about.subject):
        return False
    if about.subject and deed.subject != about.subject:
        return False
    if about.policy:
        return any(_is_key(key, about) for key in deed.keys)
    return not about.profile or any(key.rpartition("/")[0] == about.profile for key in deed.keys)


def _is_key(key: str, about: About) -> bool:
    profile, _, policy = key.rpartition("/")
    return policy == about.policy and about.profile in ("", profile)


def _is_same(name: str, one: SettingValue, other: SettingValue) -> bool:
    return SETTINGS[name].is_same(one, other)


def _rows_about(about: About, run: StoryRun, at: float | None, looks: Sequence[Look]) -> tuple[Row, ...]:
    """The policy's own timeline where one is meant, else everything that was done."""
    if about.policy and about.policy != "settings":
        gpu = about.gpus[0] if about.gpus else run.gpus[0]
        return status_rows(run, (about.profile, about.policy, gpu), looks[0].at if at is None and looks else at or 0.0)
    return deed_rows(run, lambda deed: not about.gpus or deed.gpu in about.gpus, at)


# -- in words ------------------------------------------------------------------------------------


def _status_in_words(wanted: StatusExpected) -> str:
    statuses = " or ".join(wanted.statuses)
    verb = {Manner.IS: "is", Manner.NEVER: "is never", Manner.EVER: "is at some time"}[wanted.manner]
    reason = f' because "{wanted.reason}"' if wanted.reason else ""
    return f"{_who(wanted.about)} {verb} {statuses}{reason}{_when(wanted.window)}"


def _change_in_words(wanted: ChangeExpected) -> str:
    about = wanted.about
    setting = SETTINGS.get(about.subject)
    words = [setting.title if setting else about.subject]
    words += [wanted.action] if wanted.action else []
    words += [f'of "{wanted.process}"'] if wanted.process else []
    if setting and wanted.values:
        ends = [setting.show(wanted.values[end]) if end in wanted.values else "..." for end in ("before", "after")]
        words.append(" -> ".join(ends))
    by = f" for {_key(about)}" if about.policy else ""
    return f"a change{_on(about)}: {' '.join(words)}{by}{_when(wanted.window)}"


def _settings_in_words(wanted: SettingsExpected) -> str:
    values = ", ".join(
        f"{SETTINGS[name].title} {SETTINGS[name].show(value)}" for name, value in wanted.settings.items()
    )
    when = " in the end" if wanted.at is None else f" at {format_moment(wanted.at)}"
    return f"{_gpus(wanted.about) or 'every GPU'} has {values}{when}"


def _count_in_words(wanted: CountExpected) -> str:
    of = SETTINGS[wanted.about.subject].title if wanted.about.subject else ""
    about = "".join(
        [
            f" of the {of}" if of else "",
            f" for {_key(wanted.about)}" if wanted.about.policy or wanted.about.profile else "",
            _on(wanted.about),
        ]
    )
    is_one = 1 in (wanted.most, wanted.least) and wanted.most in (1, None)
    what = wanted.what.value.removesuffix("s") if is_one else wanted.what.value
    return f"{' and '.join(_bounds(wanted))} {what}{about}{_when(wanted.window)}"


def _counted(count: int, what: Counted) -> str:
    return f"1 {what.value.removesuffix('s')}" if count == 1 else f"{count} {what.value}"


def _bounds(wanted: CountExpected) -> Iterator[str]:
    if wanted.least == wanted.most:
        yield "no" if wanted.most == 0 else f"exactly {wanted.most}"
        return
    if wanted.least:
        yield f"at least {wanted.least}"
    if wanted.most is not None:
        yield f"at most {wanted.most}"


def _who(about: About) -> str:
    return f"{_key(about)}{_on(about) or ' on every GPU'}"


def _key(about: About) -> str:
    return "/".join(part for part in (about.profile, about.policy) if part)


def _on(about: About) -> str:
    names = _gpus(about)
    return f" on {names}" if names else ""


def _gpus(about: About) -> str:
    return _listed(f"GPU-{gpu}" for gpu in about.gpus)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _when(window: Window) -> str:
    if window.is_moment:
        return f" at {format_moment(window.start or 0.0)}"
    start = "" if window.start is None else f" from {format_moment(window.start)}"
    return start + ("" if window.end is None else f" to {format_moment(window.end)}")
