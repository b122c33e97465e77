"""What is noticed while a story is read: mistakes by place, and the small values that many parts have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esnode.errors import BadValue, EsnodeError
from esnode.model.profile import Path
from esnode.model.settings import COMPUTE_MODES, SETTINGS, ClockRange, Kind, SettingValue
from esnode.records import dataclass, field
from esnode.storage.yaml.complaints import Problem, nearest
from esnode.storage.yaml.nodes import Place
from esnode.units import parse_duration

Parts = Mapping[str, Any]

UNLOCKED = "unlocked"


@dataclass(slots=True)
class Notes:
    """The mistakes so far. `places` says where every part of the document stands."""

    places: Mapping[Path, Place]
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, path: Path, summary: str, detail: str = "", *, at_key: bool = False) -> None:
        self.problems.append(Problem(path=path, summary=summary, detail=detail, at_key=at_key))

    def failed(self, path: Path, failure: EsnodeError) -> None:
        """A file that is named at `path` cannot be used."""
        self.wrong(path, failure.summary, " ".join(part for part in (failure.detail, failure.next_step) if part))

    def line(self, path: Path) -> int:
        place = self.places.get(path)
        return (place.key or place.value).line if place else 0

    def seconds(self, path: Path, value: Any) -> float:
        """A duration, or a plain number of seconds; 0 where it is neither, which is then noted."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(value)
        except BadValue as wrong:
            self.wrong(path, wrong.summary, wrong.next_step)
            return 0.0

    def setting_value(self, path: Path, name: str, value: Any) -> SettingValue:
        """A value as the setting has it."""
        match SETTINGS[name].kind, value:
            case Kind.SWITCH, bool():
                return value
            case Kind.WATTS, int() | float() if not isinstance(value, bool):
                return float(value)
            case Kind.CLOCK_RANGE, "unlocked":
                return None
            case Kind.CLOCK_RANGE, {"min": low, "max": high}:
                return ClockRange(min=int(low), max=int(high))
            case Kind.CLOCK_RANGE, int() | float() if not isinstance(value, bool):
                return ClockRange(min=int(value), max=int(value))
            case Kind.CHOICE, str() if value in COMPUTE_MODES:
                return value
        self.wrong(path, f"{name} has no value {value!r}", f"Write {_EXAMPLES[SETTINGS[name].kind]}.")
        return None


_EXAMPLES: Mapping[Kind, str] = {
    Kind.WATTS: "a number of watts, such as 650",
    Kind.CLOCK_RANGE: f"a clock in MHz such as 345, {{min: 345, max: 1980}}, or {UNLOCKED}",
    Kind.SWITCH: "true or false",
    Kind.CHOICE: f"one of {', '.join(COMPUTE_MODES)}",
}


def did_you_mean(word: str, known: list[str]) -> str:
    near = nearest(word, known)
    return f'Did you mean "{near}"?' if near else f"There is {', '.join(known) or 'none'}."


def listed(value: Any) -> tuple[Any, ...]:
    """One value, or a list of them."""
    return tuple(value) if isinstance(value, list) else (value,)
