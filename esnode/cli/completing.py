"""What a shell is offered for the word that is being typed. Nothing here may fail or print.

click completes `--out`, and would take the word behind a switch for its value; so the words are read here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from esnode.cli.syntax import Destination, LazyGroup, Switch, Words, option_takes_value

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

FILES, FOLDERS = ":file", ":folder"
"""Asks the shell for its own names of files. No word of ours begins with a colon."""


def _item(value: str, help: str | None = None) -> CompletionItem:
    """Imported here: every command names this module, and few complete."""
    from click.shell_completion import CompletionItem

    return CompletionItem(value, help=help)


def board_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The boards of the catalogue."""
    from esnode.model.boards import BOARDS

    near = incomplete.lower()
    return [_item(key, help=board.nvml_name) for key, board in BOARDS.items() if key.lower().startswith(near)]


def gpu_addresses(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The GPUs that the state file knows: `gpu[0]`."""
    import json
    import os

    path = Path(os.environ.get("ESNODE_STATE") or "esnode.state.json")
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        gpus = [gpu["identity"] for gpu in json.loads(path.read_bytes())["observed"]["observation"]["gpus"]]
        items = [_item(f"gpu[{gpu['index']}]", help=str(gpu["name"])) for gpu in gpus]
        return [item for item in items if str(item.value).startswith(incomplete)]
    return []


def candidates(root: click.Command, words: Sequence[str]) -> list[CompletionItem]:
    """Everything that the last of `words` may become; the others are the command line before it."""
    *before, incomplete = words or [""]
    command, rest = _command(root, before)
    if "--" in rest:
        return [_item(FILES)]
    with click.Context(command, info_name=command.name) as ctx:
        return list(_items(ctx, command, rest, incomplete))


def _command(root: click.Command, words: Sequence[str]) -> tuple[click.Command, list[str]]:
    """The innermost command that the words name, and the words behind its name."""
    command, rest = root, list(words)
    while isinstance(command, LazyGroup):
        at = next((index for index, word in enumerate(rest) if word in command.lazy), None)
        if at is None:
            break
        name, rest = rest[at], rest[at + 1 :]
        with click.Context(command) as ctx:
            command = command.get_command(ctx, name) or command
    return command, rest


def _items(ctx: click.Context, command: click.Command, rest: list[str], incomplete: str) -> Iterator[CompletionItem]:
    words = command.rewrite(rest) if isinstance(command, Words) else rest
    options = {name: param for param in command.params if isinstance(param, click.Option) for name in param.opts}
    owner = options.get(words[-1]) if words else None
    name, sign, value = incomplete.partition("=")
    if owner is not None and option_takes_value(owner) and _is_open(words, options):
        yield from _values(ctx, owner, incomplete)
    elif sign and name.startswith("-"):
        given = options.get(_click_spelling(name))
        for item in _values(ctx, given, value) if given is not None else ():
            yield item if item.value in (FILES, FOLDERS) else _item(f"{name}={item.value}", help=item.help)
    elif incomplete.startswith("-"):
        yield from _options(ctx, command, incomplete)
    elif isinstance(command, LazyGroup):
        named = ((name, about) for name, (_, about) in command.lazy.items() if name.startswith(incomplete))
        yield from (_item(name, help=about) for name, about in named)
    else:
        yield from _argument(ctx, command, words, options, incomplete)


def _is_open(words: Sequence[str], options: dict[str, click.Option]) -> bool:
    """Whether the last word is an option that waits for its value, and not itself the value of one."""
    waits = False
    for word in words:
        waits = not waits and word in options and option_takes_value(options[word])
    return waits


def _click_spelling(name: str) -> str:
    return name if name.startswith("--") or len(name) == 2 else f"-{name}"


def _options(ctx: click.Context, command: click.Command, incomplete: str) -> Iterator[CompletionItem]:
    dashes = "--" if incomplete.startswith("--") else "-"
    for param in command.get_params(ctx):
        if not isinstance(param, click.Option) or param.hidden:
            continue
        for name in param.opts:
            spelled = dashes + name.lstrip("-") if name.startswith("--") else name
            if spelled.startswith(incomplete) and (len(param.opts) == 1 or name.startswith("--")):
                yield _item(spelled, help=param.help)


def _argument(
    ctx: click.Context, command: click.Command, words: Sequence[str], options: dict[str, click.Option], incomplete: str
) -> Iterator[CompletionItem]:
    """The value of the argument whose turn it is."""
    taken, waits = 0, False
    for word in words:
        is_option = word.startswith("-") and word != "-"
        taken += not is_option and not waits
        waits = not waits and word in options and option_takes_value(options[word])
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    for argument in arguments:
        if argument.nargs == -1 or taken < argument.nargs:
            yield from _values(ctx, argument, incomplete)
            return
        taken -= argument.nargs


def _values(ctx: click.Context, param: click.Parameter, incomplete: str) -> Iterator[CompletionItem]:
    if isinstance(param.type, Switch):
        yield from (_item(word) for word in ("true", "false") if word.startswith(incomplete))
    elif isinstance(param.type, Destination):
        yield _item(FILES)
    elif isinstance(param.type, click.Path):
        yield _item(FOLDERS if not param.type.file_okay else FILES)
    else:
        yield from param.shell_complete(ctx, incomplete)
