"""What the command line asked of a control loop."""

from __future__ import annotations

from pathlib import Path

from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """`approvals` are actions that a person has to apply; `notify` the channel that is told of contested settings.

    `interval` and `lock_timeout` are seconds. `strict` refuses inputs that others could have written.
    """

    state_path: Path
    simulate: Path | None
    interval: float
    lock_timeout: float
    user: str
    approvals: tuple[str, ...] = ()
    notify: str = ""
    dry_run: bool = False
    once: bool = False
    restore_on_exit: bool = False
    strict: bool = True
