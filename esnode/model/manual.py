"""A manual page, before it is set."""

from __future__ import annotations

from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualPage:
    """What `-help` says of a command. `commands` are name and summary of what is below it; `examples` plain lines.

    `name` is the page's (`esnode-state-mv`), `command` what is typed, `above` the page of the command it belongs to.
    """

    name: str
    command: str
    summary: str
    synopsis: str
    description: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()
    commands: tuple[tuple[str, str], ...] = ()
    examples: tuple[str, ...] = ()
    exit_codes: tuple[int, ...] = ()
    above: str = ""
