"""esnode validate."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.reports import save_validation
from esnode.cli.syntax import Command
from esnode.errors import ProfileInvalid
from esnode.wiring.profiles import read_given


@click.command("validate", cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@options.profile_option
@options.report_options
@options.view_options
def command(
    files: tuple[Path, ...],
    profile_paths: tuple[Path, ...],
    junit: Path | None,
    sarif: Path | None,
    json: bool,
    no_color: bool,
) -> int:
    """Check profiles: their grammar, names, units and durations. Needs no GPU and no state.

    \b
    Examples:
      esnode validate training.es
      esnode validate -f profiles/
      esnode validate -sarif profiles.sarif -f profiles/
    """
    from esnode.storage.profiles.read import lint_profile
    from esnode.views.validate import show_valid

    try:
        profiles = read_given(files + profile_paths)
    except ProfileInvalid as invalid:
        save_validation([], invalid.problems, junit=junit, sarif=sarif)
        raise
    warnings = tuple(warning for profile in profiles for warning in lint_profile(profile))
    save_validation([profile.path for profile in profiles], warnings, junit=junit, sarif=sarif)
    show_valid(profiles, warnings, as_json=json, no_color=no_color)
    return 0
