"""What a story came to: everything that was seen and done, look by look, and how each expectation fared."""

from __future__ import annotations

from collections.abc import Mapping

from esnode.model.plan import Cause
from esnode.model.settings import SETTINGS, SettingValue
from esnode.model.story import Story
from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """How one policy stood on one GPU in one look. `status` may be NOT_SELECTED."""

    profile: str
    policy: str
    gpu: int
    status: str
    reason: str

    @property
    def key(self) -> tuple[str, str, int]:
        return self.profile, self.policy, self.gpu


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One setting of one GPU, or one other resource, that was to be changed. `error` is why it was not, or "".

    `gpu` is None for the node. `keys` are the policies (`PROFILE/POLICY`) that it was done for, `name` the
    process, the alert's channel or the node's conditions.
    """

    at: float
    subject: str
    gpu: int | None
    action: str
    cause: Cause
    before: SettingValue = None
    after: SettingValue = None
    keys: tuple[str, ...] = ()
    name: str = ""
    reason: str = ""
    error: str = ""
    is_write: bool = False

    def __str__(self) -> str:
        """For people: `GPU-0 power limit 700 W -> 650 W`, `GPU-1 alert create (oncall)`."""
        if self.subject == "plan":
            return f"plan refused: {self.error}"
        where = "" if self.gpu is None else f"GPU-{self.gpu} "
        setting = SETTINGS.get(self.subject)
        if setting:
            what = f"{setting.title} {setting.show(self.before)} -> {setting.show(self.after)}"
        else:
            what = f"{self.subject} {self.action}" + (f" ({self.name})" if self.name else "")
        return f"{where}{what}" + (f" failed: {self.error}" if self.error else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look and what followed. `settings` is what every GPU really had afterwards, by index."""

    at: float
    stood: tuple[Stood, ...]
    deeds: tuple[Deed, ...]
    settings: Mapping[int, Mapping[str, SettingValue]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryRun:
    """One telling of a story. `gpus` are the machine's, by index; `interval` is the seconds between two looks."""

    looks: tuple[Look, ...]
    gpus: tuple[int, ...]
    interval: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a timeline: from `start` to `end` nothing changed. `is_here` marks where an expectation failed."""

    start: float
    end: float
    status: str
    reason: str = ""
    deeds: tuple[Deed, ...] = ()
    is_here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an expectation fared. `expected` and `saw` are sentences without a full stop; `rows` is what was around.

    `at` is when it failed, None where it has no moment. `reason` is the verdict's.
    """

    expected: str
    passed: bool
    line: int
    saw: str = ""
    at: float | None = None
    reason: str = ""
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryResult:
    """`error` says why the story could not be told; then there are no outcomes. `took` in seconds of real time."""

    story: Story
    outcomes: tuple[Outcome, ...] = ()
    looks: int = 0
    took: float = 0.0
    error: str = ""

    @property
    def passed(self) -> bool:
        return not self.error and all(outcome.passed for outcome in self.outcomes)
