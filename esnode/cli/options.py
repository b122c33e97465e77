"""Options that several commands share, and the values they stand for."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from esnode.cli import completing
from esnode.cli.syntax import Assignment, Destination, Duration, switch
from esnode.errors import BadInvocation
from esnode.workers import DRIVER_TIMEOUT

F = TypeVar("F", bound=Callable[..., Any])

LOCK_TIMEOUT = 10.0


def together(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options as one decorator, shown in this order."""
    return lambda function: reduce(lambda wrapped, option: option(wrapped), reversed(options), function)


view_options = together(
    switch("json", help="Print JSON lines instead of text."),
    switch("no-color", help="Print without colour (also NO_COLOR)."),
)

simulate_option = click.option(
    "--simulate",
    type=click.Path(path_type=Path),
    envvar="ESNODE_SIMULATE",
    metavar="WORLD",
    help="A simulated machine (also ESNODE_SIMULATE).",
)

machine_options = together(
    click.option(
        "--capture",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read what `nvidia-smi -q -x` wrote instead of the driver.",
    ),
    simulate_option,
)

machines_options = together(
    click.argument("captures", nargs=-1, metavar="[CAPTURE]...", type=click.Path(path_type=Path)),
    click.option(
        "--capture",
        "capture",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="PATH",
        help="Read nvidia-smi -q -x files, folders; repeats.",
    ),
    simulate_option,
)

state_option = click.option(
    "--state",
    "state_path",
    type=click.Path(path_type=Path),
    envvar="ESNODE_STATE",
    default=Path("esnode.state.json"),
    metavar="PATH",
    help="The state file (also ESNODE_STATE).",
)

node_option = click.option(
    "--node",
    "node_path",
    type=click.Path(path_type=Path),
    envvar="ESNODE_NODE",
    metavar="FILE",
    help="The node file (also ESNODE_NODE).",
)

lock_timeout_option = click.option(
    "--lock-timeout",
    type=Duration(),
    default=LOCK_TIMEOUT,
    metavar="DURATION",
    help="How long to wait for the lock (10s).",
)

lock_options = together(switch("lock", default=True, help="-lock=false: do not lock the state."), lock_timeout_option)

report_options = together(
    click.option(
        "--junit",
        "junit",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write a JUnit report, for CI viewers.",
    ),
    click.option(
        "--sarif",
        "sarif",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write a SARIF report, for code viewers.",
    ),
)
timeout_option = click.option(
    "--timeout",
    type=Duration(),
    default=DRIVER_TIMEOUT,
    metavar="DURATION",
    help="What the driver has for each GPU (30s).",
)

given_options = together(
    click.option(
        "--tag",
        "tags",
        type=Assignment(),
        multiple=True,
        metavar="K=V",
        help="A tag; repeats (also ESNODE_TAGS).",
    ),
    click.option(
        "--label",
        "labels",
        type=Assignment(),
        multiple=True,
        metavar="K=V",
        help="A label; repeats (also ESNODE_LABELS).",
    ),
)

profile_option = click.option(
    "-f",
    "profile_paths",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="A profile or folder; repeats. Else *.es here.",
)

planning_options = together(
    report_options,
    click.option(
        "--out",
        "out",
        type=Destination(),
        metavar="FILE",
        help="Save the plan; in a folder, as NODE.plan.json.",
    ),
    switch("detailed-exitcode", help="Exit 2 when there are changes."),
    switch("refresh", default=True, help="-refresh=false: plan from the last readings."),
    click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="ADDR",
        shell_complete=completing.gpu_addresses,
        help="Plan this resource only: gpu[0]; repeats.",
    ),
    click.option(
        "--valid-for",
        type=Duration(),
        default=3600.0,
        metavar="DURATION",
        help="How long the plan may be applied (1h).",
    ),
    timeout_option,
)


def refuse_together(**given_options: object) -> None:
    """Raise BadInvocation when options that exclude each other are both given."""
    names = [f"-{name.replace('_', '-')}" for name, value in given_options.items() if value]
    if len(names) > 1:
        raise BadInvocation(f"{' and '.join(names)} cannot be given together")
