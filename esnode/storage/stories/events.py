"""What a story tells, entry by entry, from a document whose structure is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from esnode.model.metrics import METRICS, PROMETHEUS_PREFIX, Metric, metric
from esnode.model.profile import Path
from esnode.model.story import Event, Ramp, Told, Word
from esnode.storage.stories.notes import Notes, Parts, listed
from esnode.units import format_number

_LOWEST_CELSIUS = -60.0
_OF_THE_STORY = ("clock", "speed")
_NO_METRICS = ("at", "gpu", "prometheus", "set", "machine")


def read_events(notes: Notes, path: Path, given: Sequence[Parts], count: int | None) -> tuple[Event, ...]:
    """The readings, in the order of time. What is wrong is in the notes."""
    events: list[Event] = []
    for index, one in enumerate(given):
        event = _event(notes, (*path, index), one, count)
        if events and event.at < events[-1].at:
            summary = "a reading is told before the one above it"
            notes.wrong((*path, index, "at"), summary, "Write them in the order of time.")
        events.append(event)
    return tuple(events)


def last_moment(event: Event) -> float:
    """When the last value of an event has come to its end."""
    return max((event.at + told.over for told in event.metrics.values() if isinstance(told, Ramp)), default=event.at)


def _event(notes: Notes, path: Path, given: Parts, count: int | None) -> Event:
    gpus = tuple(int(gpu) for gpu in listed(given["gpu"])) if "gpu" in given else ()
    if count is not None and gpus and max(gpus) >= count:
        notes.wrong((*path, "gpu"), f"there is no GPU {max(gpus)}", f"The machine has GPUs 0 to {count - 1}.")
    metrics = {
        name: _told(notes, (*path, name), METRICS[name], value)
        for name, value in given.items()
        if name not in _NO_METRICS
    }
    for name in given.get("set", {}):
        if name in METRICS:
            notes.wrong(
                (*path, "set", name), f"{name} is a reading", "Write it beside at:, not under set:.", at_key=True
            )
    for name in given.get("machine", {}):
        if name in _OF_THE_STORY:
            notes.wrong(
                (*path, "machine", name), f"the {name} is the story's own", "See at: and interval:.", at_key=True
            )
    for query, value in given.get("prometheus", {}).items():
        row = metric(PROMETHEUS_PREFIX + query)
        metrics[row.name] = _told(notes, (*path, "prometheus", query), row, value)
    event = Event(
        at=notes.seconds((*path, "at"), given["at"]),
        gpus=gpus,
        metrics=metrics,
        hand=_texts(given.get("set", {})),
        world=_texts(given.get("machine", {})),
        line=notes.line(path),
    )
    if not (event.metrics or event.hand or event.world):
        notes.wrong(path, "a reading tells nothing", "Add a metric, such as gpu_temp_celsius: 75, or set:.")
    return event


def _told(notes: Notes, path: Path, row: Metric, given: Any) -> Told:
    if isinstance(given, str):
        return Word(given)
    if isinstance(given, dict):
        over = notes.seconds((*path, "over"), given["over"])
        if over <= 0:
            notes.wrong((*path, "over"), "a ramp takes some time", "Write a plain number for what is so at once.")
            over = 1.0
        ends = {key: _number((*path, key), notes, row, given[key]) for key in ("from", "to")}
        return Ramp(start=ends["from"], end=ends["to"], over=over)
    return _number(path, notes, row, given)


def _number(path: Path, notes: Notes, row: Metric, value: float) -> float:
    lowest = _LOWEST_CELSIUS if row.unit == "C" else float("-inf") if row.outside else 0.0
    if not lowest <= value <= row.highest:
        bound = f"at least {format_number(lowest)}" if value < lowest else f"at most {format_number(row.highest)}"
        notes.wrong(path, f"{row.name} is {bound}{row.unit}, found {format_number(value)}")
    return float(value)


def _texts(given: Mapping[str, Any]) -> dict[str, str]:
    """Values as they are written on a command line."""
    return {name: _text(value) for name, value in given.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return format_number(value) if isinstance(value, int | float) else str(value)
