"""A reading is a value or the reason why there is none. It is never 0 and never None."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias, TypeVar

from esnode.records import dataclass

T = TypeVar("T")


class MissingReason(StrEnum):
    UNSUPPORTED = "unsupported"
    NOT_PERMITTED = "not_permitted"
    WRITE_ONLY = "write_only"
    GPU_LOST = "gpu_lost"
    UNREACHABLE = "unreachable"
    NOT_READ = "not_read"


_IN_WORDS = {
    MissingReason.UNSUPPORTED: "not supported by this GPU or driver",
    MissingReason.NOT_PERMITTED: "not permitted",
    MissingReason.WRITE_ONLY: "write only: no driver can tell",
    MissingReason.GPU_LOST: "the GPU is lost",
    MissingReason.UNREACHABLE: "no answer in time",
    MissingReason.NOT_READ: "not read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A reading that is not there. `detail` is for people: the call, the driver's own words."""

    missing: MissingReason
    detail: str = ""

    def in_words(self) -> str:
        return f"{_IN_WORDS[self.missing]} ({self.detail})" if self.detail else _IN_WORDS[self.missing]


Reading: TypeAlias = T | Missing

WRITE_ONLY = Missing(missing=MissingReason.WRITE_ONLY)
NOT_READ = Missing(missing=MissingReason.NOT_READ)
UNSUPPORTED = Missing(missing=MissingReason.UNSUPPORTED)
