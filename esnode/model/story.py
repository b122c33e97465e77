"""Unit tests for profiles: stories that are told to a simulated machine, and what is expected to come of them.

All times are seconds since a story began.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from esnode.model.cluster import GpuPod
from esnode.model.node_file import NO_NODE_FILE, NodeFile
from esnode.model.profile import Profile
from esnode.model.settings import SettingValue
from esnode.model.traces import Trace
from esnode.records import dataclass, field

NOT_SELECTED = "NOT_SELECTED"
"""Stands for a status where a policy's profile is not for the GPU."""

INTERVAL = 5.0
"""Seconds between two looks at the machine, as in the control loop."""


# -- what is told --------------------------------------------------------------------------------


class Word(StrEnum):
    """What can be told of a metric instead of a number."""

    MISSING = "missing"
    """It cannot be read."""
    AUTO = "auto"
    """It is what the machine's own physics, or its trace, make of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """From `start` to `end` in a straight line, in `over` seconds; then it stays."""

    start: float
    end: float
    over: float

    def at(self, seconds: float) -> float:
        return self.start + (self.end - self.start) * min(1.0, max(0.0, seconds / self.over))


Told: TypeAlias = float | Ramp | Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the readings. `gpus` empty: every GPU; `hand` is what a foreign hand does, as `esnode sim set`
    takes it, `world` what happens to the machine as a whole."""

    at: float
    gpus: tuple[int, ...] = ()
    metrics: Mapping[str, Told] = field(default_factory=dict)
    hand: Mapping[str, str] = field(default_factory=dict)
    world: Mapping[str, str] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The machine of a story. `manifest` is its world file's text and `path` where that, or the test, lies.

    `has_physics`: what nobody tells is what the machine's workload makes of it. Without, it is missing. A `capture`
    tells how everything was when it was taken; `stale_after` is how old a sample of the trace may be.
    """

    manifest: bytes
    path: str
    has_physics: bool
    count: int | None = None
    capture: str = ""
    trace: Trace | None = None
    stale_after: float = 300.0
    pods: tuple[GpuPod, ...] = ()


# -- what is expected ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When: from `start` to `end`, both included. None is the story's own beginning or end."""

    start: float | None = None
    end: float | None = None

    @property
    def is_moment(self) -> bool:
        return self.start is not None and self.start == self.end


ALWAYS = Window()


class Manner(StrEnum):
    """How a status is expected in a window."""

    IS = "is"
    NEVER = "never"
    EVER = "ever"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an expectation is about. Empty texts, and no GPUs, mean: any.

    `subject` is a setting's name, or the type of another resource: alert, process, node.
    """

    gpus: tuple[int, ...] = ()
    profile: str = ""
    policy: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusExpected:
    """A policy's verdict. `statuses` are alternatives; `reason` is a text that the verdict's reason holds."""

    window: Window
    about: About
    manner: Manner
    statuses: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeExpected:
    """At least one change. `values` may have `before` and `after`; `action` is Terraform's word, `process` a glob."""

    window: Window
    about: About
    values: Mapping[str, SettingValue] = field(default_factory=dict)
    action: str = ""
    process: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsExpected:
    """What the hardware really has, at `at` or, without it, in the end."""

    at: float | None
    about: About
    settings: Mapping[str, SettingValue]


class Counted(StrEnum):
    CHANGES = "changes"
    """Changes that were made: one for each setting of a GPU, and for each alert, process or node."""
    WRITES = "writes"
    """Calls of a setter of the driver, whatever came of them."""
    FAILURES = "failures"
    """Changes that were tried and failed, and plans that were refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountExpected:
    """How many of something. `most` None: no bound."""

    window: Window
    about: About
    what: Counted
    least: int = 0
    most: int | None = None


Wanted: TypeAlias = StatusExpected | ChangeExpected | SettingsExpected | CountExpected


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """`line` is where it stands in its file."""

    wanted: Wanted
    line: int


# -- the file ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """`seconds` is how long it lasts; None where only the machine's trace knows."""

    name: str
    stage: Stage
    expectations: tuple[Expectation, ...]
    events: tuple[Event, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    node_file: NodeFile = NO_NODE_FILE
    interval: float = INTERVAL
    seconds: float = 0.0
    line: int = 0

    @property
    def looks(self) -> int:
        """How many times the machine is looked at."""
        return int(self.seconds / self.interval + 1e-9) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileTest:
    """One file: profiles, and the stories that are told to them."""

    path: str
    profiles: tuple[Profile, ...]
    stories: tuple[Story, ...]
    name: str = ""
