"""A control loop that keeps a state: who it is, and by which profiles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """`profiles` is the digest of each profile by its name; `user` is who started it, `user@host`.

    `listen` is where its metrics and its status are served, HOST:PORT; empty when they are not.
    """

    pid: int
    user: str
    since: datetime
    profiles: Mapping[str, str]
    listen: str = ""
