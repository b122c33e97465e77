"""docs/commands.md: every command as its -help says it, from the same parameters and texts.

`python -m esnode.cli.reference` (`make schemas`) writes it anew, in a checkout.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from esnode.cli.main import cli
from esnode.cli.syntax import terraform_spelling

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"

_HEAD = """# Commands

Every command and every option, from the texts that `-help` prints. `-out plan.json`, `-out=plan.json` and
`--out plan.json` are the same; an option that is on or off takes a value only with `=` (`-lock=false`).
Exit codes are in [plans](plans.md#exit-codes).

    esnode [-chdir DIR] COMMAND ...
"""


def commands_page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(part for name, command in _commands(cli, "esnode") for part in _section(name, command))])


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Each command with its full name, groups before what is in them."""
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")


def _section(name: str, command: click.Command) -> Iterator[str]:
    text, _, examples = inspect.cleandoc(command.help or "").partition("\b\nExamples:\n")
    context = click.Context(command, info_name=name)
    yield f"{'##' if name.count(' ') == 1 else '###'} {name}\n"
    yield f"    {name} {' '.join(command.collect_usage_pieces(context))}\n"
    yield f"{_prose(text)}\n"
    if examples:
        yield "\n".join(f"    {line.strip()}" for line in examples.rstrip().splitlines()) + "\n"
    if isinstance(command, click.Group):
        return
    yield "| option | |\n| --- | --- |"
    options = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    rows = [record for option in options if (record := option.get_help_record(context))]
    yield "\n".join(f"| `{terraform_spelling(name).strip()}` | {_cell(text)} |" for name, text in rows) + "\n"


def _prose(text: str) -> str:
    """Without click's marks; what is not to be wrapped stays as it is."""
    blocks = text.strip().split("\n\n")
    return "\n\n".join(_as_code(block) if block.startswith("\b\n") else block.replace("*", "\\*") for block in blocks)


def _as_code(block: str) -> str:
    return "\n".join(f"    {line.strip()}" for line in block.removeprefix("\b\n").splitlines())


def _cell(text: str) -> str:
    """A range as click adds it, `  [x>=0]`, in brackets of prose; nothing that Markdown would take for itself."""
    plain, _, limits = text.partition("  [")
    return (f"{plain} ({limits.rstrip(']')})" if limits else plain).replace("|", "\\|").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(commands_page(), encoding="utf-8")
