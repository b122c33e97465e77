"""esnode state: look into the state file, mend it, and put it back."""

from __future__ import annotations

import click

from esnode.cli.syntax import LazyGroup


@click.command(
    "state",
    cls=LazyGroup,
    lazy={
        "list": ("esnode.cli.state.list", "List what esnode manages"),
        "show": ("esnode.cli.state.show", "Show one resource, with its baselines and holds"),
        "history": ("esnode.cli.state.history", "List what was managed after each run"),
        "restore": ("esnode.cli.state.restore", "Put an earlier state back"),
        "rm": ("esnode.cli.state.rm", "Forget a GPU without touching it"),
        "mv": ("esnode.cli.state.mv", "Rename a profile or a policy"),
        "adopt": ("esnode.cli.state.adopt", "Make another machine's state this one's own"),
        "pull": ("esnode.cli.state.pull", "Print the state file"),
    },
)
def command() -> None:
    """Look into the state file, mend it, and put it back.

    \b
    Examples:
      esnode state list
      esnode state show gpu[0]
    """
