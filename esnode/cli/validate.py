"""esnode validate."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.completing import board_names
from esnode.cli.reports import save_validation
from esnode.cli.syntax import Command
from esnode.errors import BadInvocation, DocumentInvalid
from esnode.model.boards import BOARDS, Board
from esnode.wiring.checking import check_files


@click.command("validate", cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@options.profile_option
@click.option(
    "--board",
    "boards",
    multiple=True,
    metavar="NAME",
    shell_complete=board_names,
    help="Would the values work on this board, such as H100-SXM? Repeats.",
)
@options.report_options
@options.view_options
def command(
    files: tuple[Path, ...],
    profile_paths: tuple[Path, ...],
    boards: tuple[str, ...],
    junit: Path | None,
    sarif: Path | None,
    json: bool,
    no_color: bool,
) -> int:
    """Check profiles: their grammar, names, units and durations. Needs no GPU and no state.

    Node files and the world files of simulated machines are known by what they say, and checked as what they are.

    \b
    Examples:
      esnode validate training.es
      esnode validate -f profiles/ -board H100-SXM -board L40S
      esnode validate -json /etc/esnode/node.yaml world.yaml
      esnode validate -sarif profiles.sarif -f profiles/
    """
    from esnode.engine.on_board import judge_on_board
    from esnode.storage.profiles.lint import lint_profile
    from esnode.views.validate import show_invalid, show_valid

    known = [_board(name) for name in boards]
    try:
        checked = check_files(files + profile_paths)
    except DocumentInvalid as invalid:
        save_validation([], invalid.problems, junit=junit, sarif=sarif)
        if not json:
            raise
        return show_invalid(invalid)
    warnings = tuple(warning for profile in checked.profiles for warning in lint_profile(profile))
    judged = [judge_on_board(profile, board) for board in known for profile in checked.profiles]
    found = [*warnings, *(problem for judgement in judged for problem in judgement.problems)]
    names = [*(profile.path for profile in checked.profiles), *checked.node_files, *checked.worlds]
    save_validation(names, found, junit=junit, sarif=sarif)
    return show_valid(
        checked.profiles,
        warnings,
        judged,
        others=(*checked.node_files, *checked.worlds),
        as_json=json,
        no_color=no_color,
    )


def _board(name: str) -> Board:
    near = {key.lower(): board for key, board in BOARDS.items()}
    if name.lower() not in near:
        raise BadInvocation(f'there is no board "{name}"', next_step=f"Known boards: {', '.join(BOARDS)}.")
    return near[name.lower()]
