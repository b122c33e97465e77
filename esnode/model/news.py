"""One thing that happened in a control loop: a line of its log."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from esnode.records import dataclass, field


class Grade(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """`kind` is for programs (`verdict`, `step`, `cycle_failed`, ...), `message` a line for people.

    `fields` are further facts by name, each a text or a number. News of several GPUs that is one and the same for
    people has the same `same_as`, which says it without its GPU; `gpu_index` is that of its GPU.
    """

    kind: str
    message: str
    grade: Grade = Grade.INFO
    same_as: str = ""
    gpu_index: int = -1
    fields: Mapping[str, str | float] = field(default_factory=dict)
