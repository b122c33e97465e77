"""What formatting did to a file."""

from __future__ import annotations

from esnode.errors import EsnodeError
from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FormattedFile:
    """A file before and after, or why it was left alone. `is_shown`: the text itself is what was asked for."""

    path: str
    before: bytes = b""
    after: bytes = b""
    failure: EsnodeError | None = None
    is_shown: bool = False

    @property
    def differs(self) -> bool:
        return self.failure is None and self.before != self.after
