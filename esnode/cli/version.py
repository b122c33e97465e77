"""esnode version."""

from __future__ import annotations

from pathlib import Path

import click

from esnode import __version__
from esnode.cli import options
from esnode.cli.syntax import Command


@click.command("version", cls=Command)
@options.simulate_option
@options.view_options
def command(simulate: Path | None, json: bool, no_color: bool) -> int:
    """Print esnode's version; with -json also those of NVML and the driver, where there is one.

    \b
    Examples:
      esnode version -json
    """
    from esnode.views.version import show_version

    show_version(__version__, _driver_versions(simulate) if json else None)
    return 0


def _driver_versions(simulate: Path | None) -> dict[str, str | None]:
    from esnode.errors import EsnodeError
    from esnode.model.needs import NOTHING_MORE
    from esnode.model.readings import Missing
    from esnode.wiring.machine import Facts, open_machine

    try:
        with open_machine(simulate, Facts()) as machine:
            node = machine.observe(NOTHING_MORE).node
    except EsnodeError:
        return {"driver_version": None, "nvml_version": None, "cuda_version": None}
    versions = {
        "driver_version": node.driver_version,
        "nvml_version": node.nvml_version,
        "cuda_version": node.cuda_version,
    }
    return {name: None if isinstance(value, Missing) else value for name, value in versions.items()}
