"""The options of gates, which plan and apply share, and the values they stand for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esnode.cli.options import together
from esnode.errors import BadInvocation, BadValue
from esnode.secrets import is_reference

if TYPE_CHECKING:
    from esnode.engine.gates import Rules


class Denied(click.ParamType[Any]):
    """`delete,kill_process`."""

    name = "words"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        from esnode.engine.gates import parse_deny

        try:
            return parse_deny(value)
        except BadValue as wrong:
            self.fail(f"{wrong.summary}. {wrong.next_step}", param, ctx)


class WattsLimit(click.ParamType[Any]):
    """`1500`, `1500W`."""

    name = "watts"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float | int):
            return value
        try:
            watts = float(value.removesuffix("W").strip())
        except ValueError:
            watts = math.nan
        if not (math.isfinite(watts) and watts >= 0):
            self.fail(f'"{value}" is not a number of watts. Write it like 1500 or 1500W', param, ctx)
        return watts


rule_options = together(
    click.option(
        "--deny",
        type=Denied(),
        multiple=True,
        metavar="WORDS",
        help="Refuse such changes: delete, kill_process, ...",
    ),
    click.option(
        "--max-changes",
        type=click.IntRange(0),
        default=None,
        metavar="N",
        help="Refuse to touch more resources.",
    ),
    click.option(
        "--max-watts-delta",
        type=WattsLimit(),
        default=None,
        metavar="W",
        help="Refuse more change of power limits, summed up.",
    ),
)

gate_options = together(
    click.option(
        "--against",
        type=click.Path(path_type=Path),
        metavar="PLAN",
        help="Exit 3 unless it decides what PLAN did.",
    ),
    rule_options,
    click.option(
        "--sign-key",
        type=click.Path(path_type=Path),
        metavar="PEM",
        help="Sign the saved plan with this key: FILE.sig.",
    ),
    click.option(
        "--sign-key-password",
        default="",
        metavar="REFERENCE",
        help="The key's password: env:NAME, file:/PATH.",
    ),
)


def rules_of(deny: Iterable[tuple[str, ...]], max_changes: int | None, max_watts_delta: float | None) -> Rules:
    from esnode.engine.gates import Rules

    words = tuple(dict.fromkeys(word for given in deny for word in given))
    return Rules(deny=words, max_changes=max_changes, max_watts_delta=max_watts_delta)


def check_signing(sign_key: Path | None, password: str, *, is_saved: bool) -> None:
    """Raise BadInvocation for what cannot be signed. A password itself is never repeated."""
    if sign_key and not is_saved:
        raise BadInvocation("-sign-key signs the plan that is saved, so it needs -out")
    if password and not sign_key:
        raise BadInvocation("-sign-key-password is about -sign-key, which was not given")
    if password and not is_reference(password):
        raise BadInvocation(
            "-sign-key-password takes a reference to a password, never the password itself",
            next_step="Write env:NAME, file:/PATH or credential:NAME. What stood there was visible to other users: "
            "if it was a password, change it.",
        )
