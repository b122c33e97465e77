"""esnode completion."""

from __future__ import annotations

import click

from esnode.cli import options
from esnode.cli.syntax import Command

SHELLS = ("bash", "zsh", "fish")
CANDIDATES = "candidates"
"""What the scripts ask: the words typed so far go behind `--`."""


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice([*SHELLS, CANDIDATES]), metavar="bash|zsh|fish")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="")
@options.view_options
@click.pass_context
def command(ctx: click.Context, shell: str, words: tuple[str, ...], json: bool, no_color: bool) -> int:
    """Print a completion script: commands, options, files, boards, and the GPUs that the state knows.

    \b
    Examples:
      esnode completion bash > /etc/bash_completion.d/esnode
      esnode completion zsh > ~/.zfunc/_esnode
      esnode completion fish > ~/.config/fish/completions/esnode.fish
    """
    if shell != CANDIDATES:
        from esnode.views.completion import show_script

        show_script(shell, as_json=json)
        return 0
    from esnode.cli.completing import candidates
    from esnode.views.completion import show_candidates

    found = candidates(ctx.find_root().command, words)
    show_candidates([(item.value, item.help or "") for item in found], as_json=json)
    return 0
