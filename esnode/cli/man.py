"""esnode man."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command
from esnode.errors import BadInvocation


@click.command("man", cls=Command)
@click.argument("names", nargs=-1, metavar="[COMMAND]...")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write every page into DIR instead.")
@options.view_options
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], out: Path | None, json: bool, no_color: bool) -> int:
    """Print a manual page, of esnode or of one of its commands. They say what -help says, and more.

    \b
    Examples:
      esnode man plan | man -l -
      esnode man state mv | man -l -
      esnode man -out ~/.local/share/man/man1
    """
    from esnode.cli.pages import all_pages
    from esnode.views.manual import show_page, write_pages

    pages = all_pages(ctx.find_root().command)
    if out is not None:
        if names:
            raise BadInvocation("-out writes every page, so no COMMAND can be named beside it")
        write_pages(pages, out, as_json=json)
        return 0
    wanted = "-".join(("esnode", *names))
    page = next((page for page in pages if page.name == wanted), None)
    if page is None:
        raise BadInvocation(f"there is no command {' '.join(names)}", next_step="esnode -help lists the commands.")
    show_page(page, as_json=json)
    return 0
