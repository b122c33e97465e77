"""esnode sim run."""

from __future__ import annotations

import os
from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.sim.worlds import given_world
from esnode.cli.syntax import Command
from esnode.errors import BadInvocation


@click.command("run", cls=Command)
@options.simulate_option
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND [ARG]...")
def command(simulate: Path | None, words: tuple[str, ...]) -> int:
    """Run a Python program that uses pynvml on the simulated machine, unchanged. What it prints is its own.

    \b
    Examples:
      esnode sim run -- nvitop -1
      esnode sim run -- gpustat --json
    """
    from esnode.simulator.environment import command_environment

    environment = command_environment(given_world(simulate))
    try:
        os.execvpe(words[0], list(words), environment)  # noqa: S606 - running it is the purpose
    except OSError as failure:
        raise BadInvocation(f"{words[0]} cannot be run: {failure.strerror}") from None
