"""esnode enforce."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esnode.cli import options
from esnode.cli.syntax import Command, Duration, switch
from esnode.errors import BadInvocation
from esnode.units import format_duration

if TYPE_CHECKING:
    from esnode.views.loop import LoopView

SHORTEST_INTERVAL = 0.1


@click.command("enforce", cls=Command)
@options.profile_option
@click.option(
    "--interval", type=Duration(), default=5.0, metavar="DURATION", help="Look so often (5s), and at NVML's events."
)
@click.option("--listen", default="", metavar="HOST:PORT", help="Serve /metrics, /healthz, /readyz, /plan and /status.")
@click.option(
    "--require-approval",
    "approvals",
    default="",
    metavar="ACTION,...",
    help="Leave these, such as kill_process,migrate_pod, as a saved plan.",
)
@click.option(
    "--notify", default="", metavar="CHANNEL", help="Tell this channel when another program fights over a setting."
)
@switch("dry-run", help="Judge, and write nothing at all.")
@switch("once", help="One cycle, for timers and init containers.")
@switch("restore-on-exit", help="Give every managed setting back at the end.")
@switch("allow-insecure-files", help="Take files that others could have written.")
@click.option(
    "--timeout",
    type=Duration(),
    default=10.0,
    metavar="DURATION",
    help="How long the driver may take to answer for a GPU (10s).",
)
@options.simulate_option
@options.node_option
@options.state_option
@options.given_options
@options.lock_timeout_option
@options.view_options
def command(
    approvals: str, listen: str, json: bool, no_color: bool, profile_paths: tuple[Path, ...], **asked: Any
) -> int:
    """Keep the machine to its profiles, day and night: refresh, plan and apply in a loop.

    SIGHUP reads the profiles and the node file again. SIGTERM or Ctrl-C ends it; settings stay as they are.

    \b
    Examples:
      esnode enforce -f training.es
      esnode enforce -f training.es -dry-run
      esnode enforce -f profiles/ -listen 127.0.0.1:9477 -notify oncall
      esnode enforce -f training.es -require-approval kill_process,migrate_pod
    """
    from esnode.loop.orders import Orders
    from esnode.loop.start import start
    from esnode.storage.locks import user_name

    if asked["interval"] < SHORTEST_INTERVAL:
        raise BadInvocation(f"-interval must be at least {format_duration(SHORTEST_INTERVAL)}")
    simulate = asked["simulate"]
    orders = Orders(
        state_path=asked["state_path"],
        simulate=simulate,
        interval=asked["interval"],
        lock_timeout=asked["lock_timeout"],
        user=user_name(),
        approvals=_actions(approvals),
        notify=asked["notify"],
        dry_run=asked["dry_run"],
        once=asked["once"],
        restore_on_exit=asked["restore_on_exit"],
        strict=not (simulate or asked["dry_run"] or asked["allow_insecure_files"]),
    )
    return start(
        orders,
        profile_paths,
        node_path=asked["node_path"],
        tags=asked["tags"],
        labels=asked["labels"],
        listen=listen,
        timeout=asked["timeout"],
        view=_view(as_json=json, no_color=no_color),
    )


def _actions(text: str) -> tuple[str, ...]:
    from esnode.engine.gates import ACTIONS

    words = tuple(word.strip() for word in text.split(",") if word.strip())
    for word in words:
        if word not in ACTIONS:
            near = get_close_matches(word, ACTIONS, n=1)
            hint = f'Did you mean "{near[0]}"? ' if near else ""
            raise BadInvocation(
                f'-require-approval: "{word}" is not an action', next_step=f"{hint}Actions are {', '.join(ACTIONS)}."
            )
    return words


def _view(*, as_json: bool, no_color: bool) -> LoopView:
    from esnode.host import journal
    from esnode.views.loop import JournalLoopView, JsonLoopView, TextLoopView

    if as_json:
        return JsonLoopView(is_everything=True)
    if journal.is_ours(sys.stderr.fileno()):
        return JournalLoopView(journal.send)
    return TextLoopView(no_color=no_color) if sys.stderr.isatty() else JsonLoopView(is_everything=False)
