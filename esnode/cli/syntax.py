"""Terraform's way of writing options, on top of click.

`-out plan.json`, `-out=plan.json` and `--out plan.json` are the same. A single-dash word is always one
whole option (`-force` is never `-f orce`), and a switch takes its value only with `=` (`-lock=false`).
Usage errors are BadInvocation, with exit code 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from esnode.errors import BadValue
from esnode.records import dataclass
from esnode.units import parse_duration

_SINGLE_DASH_WORD = re.compile(r"-[A-Za-z][\w-]+(=.*)?", re.DOTALL)


class Switch(click.ParamType[Any]):
    """`-lock`, `-lock=true`, `-lock=false`."""

    name = "true|false"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        if isinstance(value, bool):
            return value
        if value not in ("true", "false"):
            self.fail(f'"{value}" is neither true nor false', param, ctx)
        return bool(value == "true")


class Duration(click.ParamType[Any]):
    """`10s`, `1h30m`; seconds inside."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float | int):
            return value
        try:
            return parse_duration(value)
        except BadValue as wrong:
            self.fail(f"{wrong.summary}. {wrong.next_step}", param, ctx)


@dataclass(frozen=True, slots=True, kw_only=True)
class Out:
    """Where something is saved. `is_folder`: a slash at the end said so."""

    path: Path
    is_folder: bool = False


class Destination(click.ParamType[Any]):
    """`plan.json`, or a folder: `plans/`."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Out:
        if isinstance(value, Out):
            return value
        if not value:
            self.fail("it names no file", param, ctx)
        return Out(path=Path(value), is_folder=value.endswith("/"))


class Assignment(click.ParamType[Any]):
    """`key=value`."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, sign, text = value.partition("=")
        if not (key and sign):
            self.fail(f'"{value}" is not key=value', param, ctx)
        return key, text


def switch(name: str, *names: str, default: bool = False, help: str) -> Callable[[Any], Any]:
    """An option that is on or off, and takes a value only with `=`. Of `names`, one may name the parameter."""
    return click.option(f"--{name}", *names, type=Switch(), default=default, show_default=False, help=help, metavar="")


class Words:
    """Rewrites Terraform's spelling to click's before click parses. Mixed into commands and groups."""

    params: list[click.Parameter]

    def rewrite(self, args: Sequence[str]) -> list[str]:
        switches = {option for param in self.params if isinstance(param.type, Switch) for option in param.opts}
        flags = switches | {"--help"}
        valued = {
            option: param
            for param in self.params
            if isinstance(param, click.Option) and option_takes_value(param)
            for option in param.opts
        }
        rewritten: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--" or not word.startswith("-") or word == "-":
                rewritten.append(word)
                if word == "--":
                    break
                continue
            if _SINGLE_DASH_WORD.fullmatch(word):
                word = "-" + word
            rewritten.append(f"{word}=true" if word in switches else word)
            if word in valued and word not in flags:
                rewritten += [value for value in [next(rest, None)] if value is not None]
        return rewritten + list(rest)


def option_takes_value(param: click.Option) -> bool:
    return not param.is_flag and not isinstance(param.type, Switch)


class Command(Words, click.Command):
    """A command that understands Terraform's spelling."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.rewrite(args))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [record for param in self.get_params(ctx) if (record := param.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl([(terraform_spelling(option), text) for option, text in rows])


class LazyGroup(Words, click.Group):
    """A group whose commands are imported when they are called: help needs none of them."""

    def __init__(self, *args: Any, lazy: dict[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = next((index for index, word in enumerate(args) if word in self.lazy), len(args))
        return super().parse_args(ctx, self.rewrite(args[:own]) + args[own:])

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return None
        module, _ = self.lazy[cmd_name]
        command: click.Command = import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.lazy.items()])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [record for param in self.get_params(ctx) if (record := param.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl([(terraform_spelling(option), text) for option, text in rows])
        self.format_commands(ctx, formatter)


def terraform_spelling(option: str) -> str:
    """`--out FILE` as people of Terraform write it: `-out FILE`."""
    return re.sub(r"(?<![\w-])--(?=\w)", "-", option)
