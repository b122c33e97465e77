"""Every command as a manual page and as its examples: taken from the very objects that parse the command line."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from esnode.cli.syntax import LazyGroup, terraform_spelling
from esnode.errors import (
    EXIT_CHANGES,
    EXIT_ERROR,
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    EXIT_LOCKED,
    EXIT_PLAN_REFUSED,
)
from esnode.model.manual import ManualPage

_USUAL = (0, EXIT_ERROR)
_EXIT_CODES = {
    "esnode": (*_USUAL, EXIT_CHANGES, EXIT_PLAN_REFUSED, EXIT_INCOMPLETE, EXIT_LOCKED, EXIT_INTERRUPTED),
    "esnode-apply": (*_USUAL, EXIT_PLAN_REFUSED, EXIT_INCOMPLETE, EXIT_LOCKED, EXIT_INTERRUPTED),
    "esnode-fmt": (*_USUAL, EXIT_PLAN_REFUSED),
}


def all_commands(root: click.Command) -> Iterator[tuple[click.Context, click.Command]]:
    """Every command with its context, the root first."""
    yield from _below(click.Context(root, info_name="esnode", **root.context_settings), root)


def all_pages(root: click.Command) -> list[ManualPage]:
    summaries = dict(_summaries(root, "esnode"))
    return [_page(ctx, command, summaries) for ctx, command in all_commands(root)]


def examples_of(command: click.Command) -> tuple[str, ...]:
    """The lines below `Examples:` of a command's help."""
    _, _, examples = _text(command).partition("Examples:\n")
    return tuple(line[2:] if line.startswith("  ") else line for line in examples.split("\n") if line.strip())


def _below(ctx: click.Context, command: click.Command) -> Iterator[tuple[click.Context, click.Command]]:
    yield ctx, command
    if isinstance(command, LazyGroup):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            if below is not None and not below.hidden:
                yield from _below(click.Context(below, info_name=name, parent=ctx), below)


def _summaries(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(command, LazyGroup):
        for below, (_, summary) in command.lazy.items():
            yield f"{name}-{below}", summary
            with click.Context(command) as ctx:
                found = command.get_command(ctx, below)
            if found is not None:
                yield from _summaries(found, f"{name}-{below}")


def _page(ctx: click.Context, command: click.Command, summaries: dict[str, str]) -> ManualPage:
    name = ctx.command_path.replace(" ", "-")
    options = [param for param in command.get_params(ctx) if isinstance(param, click.Option)]
    records = [record for option in options if (record := option.get_help_record(ctx))]
    paragraphs = _text(command).partition("Examples:")[0].replace("\b", "").strip("\n")
    lazy = command.lazy if isinstance(command, LazyGroup) else {}
    codes = _EXIT_CODES.get(name) or _usual_codes(command)
    return ManualPage(
        name=name,
        command=ctx.command_path,
        summary=summaries.get(name, "Terraform for GPU settings"),
        synopsis=" ".join(part for part in command.collect_usage_pieces(ctx) if part),
        description=tuple(part.strip("\n") for part in paragraphs.split("\n\n") if part.strip()),
        options=tuple((terraform_spelling(option), about) for option, about in records),
        commands=tuple((below, about) for below, (_, about) in lazy.items()),
        examples=examples_of(command),
        exit_codes=codes,
        above=ctx.parent.command_path.replace(" ", "-") if ctx.parent else "",
    )


def _usual_codes(command: click.Command) -> tuple[int, ...]:
    """What a command can end with, told by its options."""
    names = {name for param in command.params for name in param.opts}
    changes = (EXIT_CHANGES,) if "--detailed-exitcode" in names or command.name == "scan" else ()
    return (*_USUAL, *changes, *((EXIT_LOCKED,) if "--lock-timeout" in names else ()), EXIT_INTERRUPTED)


def _text(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "")
