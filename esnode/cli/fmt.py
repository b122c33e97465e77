"""esnode fmt."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command, switch


@click.command("fmt", cls=Command)
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER|-]...")
@options.profile_option
@switch("check", help="Write nothing; exit 3 when a file is not formatted.")
@switch("diff", help="Show the differences.")
@switch("write", default=True, help="-write=false: do not write the files.")
@switch("list", "list_files", default=True, help="-list=false: do not list the files that change.")
@switch("recursive", help="Look into the folders inside folders, too.")
@options.view_options
def command(
    paths: tuple[str, ...],
    profile_paths: tuple[Path, ...],
    check: bool,
    diff: bool,
    write: bool,
    list_files: bool,
    recursive: bool,
    json: bool,
    no_color: bool,
) -> int:
    """Write profiles in their canonical layout: same meaning, same comments, the reference's order of keys.

    Without FILE: *.es and *.esnode.yaml here. Node files and the world files of simulated machines are formatted, too.
    "-" reads standard input and writes standard output.

    \b
    Examples:
      esnode fmt
      esnode fmt -check -diff profiles/
      esnode fmt - < draft.es
    """
    from esnode.storage.format_files import find_files, format_files, format_stream
    from esnode.views.fmt import formatted_view

    given = [*paths, *(str(path) for path in profile_paths)]
    if given == ["-"]:
        results = [format_stream(sys.stdin.buffer.read(), is_shown=not (check or diff))]
    else:
        results = format_files(find_files(given, recursive=recursive), write=write and not check)
    view = formatted_view(as_json=json, no_color=no_color)
    return view(results, check=check, diff=diff, list_files=list_files)
