"""esnode state: look into the state file."""

from __future__ import annotations

import click

from esnode.cli.syntax import LazyGroup


@click.command(
    "state",
    cls=LazyGroup,
    lazy={
        "list": ("esnode.cli.state.list", "List what esnode manages"),
        "show": ("esnode.cli.state.show", "Show one resource, with its baselines and holds"),
    },
)
def command() -> None:
    """Look into the state file."""
