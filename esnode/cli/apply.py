"""esnode apply."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from types import FrameType

import click

from esnode.cli import options
from esnode.cli.gate_options import rule_options, rules_of
from esnode.cli.syntax import Command, Duration, switch
from esnode.diagnostics import warning
from esnode.errors import (
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    EXIT_TERMINATED,
    BadInvocation,
    FileUntrusted,
    StateUnwritable,
)
from esnode.storage.states import StateFile
from esnode.views.apply import ApplyView
from esnode.wiring.machine import facts, open_machine


@click.command("apply", cls=Command)
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option(
    "--expect-digest",
    default=None,
    callback=lambda ctx, param, value: _digest(value),
    metavar="DIGEST",
    help="Refuse a plan with another decision than this.",
)
@click.option("--max-age", type=Duration(), default=None, metavar="DURATION", help="Refuse a plan older than this.")
@rule_options
@click.option(
    "--require-signature",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PUB.PEM",
    help="Refuse a plan that is not signed with this key (FILE.sig beside it); repeats: any of them.",
)
@click.option(
    "--revert-after",
    type=Duration(),
    default=None,
    metavar="DURATION",
    help="Undo it after this, unless esnode confirm comes in time.",
)
@switch("allow-insecure-files", help="Take a plan or a state that others could have written.")
@switch("take-over", help="Take GPUs that another state file manages, with their baselines.")
@options.timeout_option
@options.simulate_option
@options.node_option
@options.state_option
@options.lock_options
@options.view_options
def command(
    plan_path: Path,
    expect_digest: str | None,
    max_age: float | None,
    deny: tuple[tuple[str, ...], ...],
    max_changes: int | None,
    max_watts_delta: float | None,
    require_signature: tuple[Path, ...],
    revert_after: float | None,
    allow_insecure_files: bool,
    take_over: bool,
    timeout: float,
    simulate: Path | None,
    node_path: Path | None,
    state_path: Path,
    lock: bool,
    lock_timeout: float,
    json: bool,
    no_color: bool,
) -> int:
    """Execute a plan that `esnode plan -out` saved: exactly that, and nothing when anything changed since.

    \b
    Examples:
      esnode apply plan.json
      esnode apply -expect-digest=$(esnode show -digest approved.json) plan.json
      esnode apply -require-signature release.pub.pem -deny kill_process plan.json
    """
    from esnode.engine.preflight import Expectations, check_plan
    from esnode.storage.files import read_file
    from esnode.storage.locks import user_name
    from esnode.storage.loops import living_loop
    from esnode.storage.plans import parse_plan
    from esnode.views.apply import apply_view
    from esnode.views.progress import progress
    from esnode.wiring.applying import Execution, execute, ready
    from esnode.wiring.signing import check_signed, keys_for

    _refuse_a_profile(plan_path)
    view = apply_view(as_json=json, no_color=no_color)
    view.begin()
    given = facts(node_path, is_this_machine=simulate is None)
    keys = keys_for(require_signature, given.node_file)
    data = read_file(plan_path, "plan file")
    # Before a byte of it is understood: what follows is decided by what was signed.
    check_signed(plan_path, data, keys)
    plan, digest = parse_plan(data, plan_path)
    expected = Expectations(
        digest=expect_digest or "",
        max_age=None if max_age is None else timedelta(seconds=max_age),
        rules=rules_of(deny, max_changes, max_watts_delta),
    )
    check_plan(plan, digest, expected)
    if not plan.has_changes:
        view.nothing_to_do(plan)
        return 0
    files = [(plan_path, "plan"), (state_path, "state"), (Path(given.node_file.path), "node file")]
    files += [(key, "public key") for key in sorted({*keys.asked, *keys.insisted})]
    _check_files(files, view, is_strict=not (simulate or allow_insecure_files))
    file = StateFile(state_path, operation="apply")
    report = None
    with _stoppable() as stopped:
        how = Execution(
            view=view,
            user=user_name(),
            simulate=simulate,
            digest=digest,
            take_over=take_over,
            lock=lock,
            lock_timeout=lock_timeout,
            should_stop=lambda: bool(stopped),
            revert_after=revert_after,
        )
        try:
            with open_machine(simulate, given, timeout=timeout) as machine, _locked(file, lock, lock_timeout):
                with progress("Reading the hardware", as_json=json):
                    state, observation = ready(plan, file, machine, expected, view, loop=living_loop(state_path))
                report = execute(plan, state, observation, file, machine, how)
            view.end(report)
        except KeyboardInterrupt:
            view.stopped_at_once()
    if stopped:
        return EXIT_TERMINATED if signal.SIGTERM in stopped else EXIT_INTERRUPTED
    return 0 if report and report.is_complete else EXIT_INCOMPLETE


def _digest(text: str | None) -> str | None:
    """A digest as it was given. An empty one, of a command that failed, must not read as "any plan"."""
    if text is None or text.strip():
        return text.strip().lower() if text else None
    raise BadInvocation(
        "-expect-digest is empty, so there is nothing to hold the plan to",
        next_step="esnode show -digest PLAN prints the digest of a saved plan.",
    )


def _refuse_a_profile(path: Path) -> None:
    if path.name.endswith((".es", ".yaml", ".yml")):
        raise BadInvocation(
            f"{path} is a profile, and apply executes only a saved plan",
            next_step=f"Run these two instead:\n    esnode plan -f {path} -out plan.json\n    esnode apply plan.json",
        )


def _check_files(files: Iterable[tuple[Path, str]], view: ApplyView, *, is_strict: bool) -> None:
    """On hardware, refuse files that others could have written; elsewhere only warn."""
    from esnode.storage.trust import check_trust

    for path, what in files:
        try:
            check_trust(path, what)
        except FileUntrusted as reason:
            if is_strict:
                raise
            view.warn(warning(reason.summary, reason.next_step))


@contextlib.contextmanager
def _locked(file: StateFile, lock: bool, timeout: float) -> Iterator[None]:
    from esnode.storage.locks import locked
    from esnode.wiring.applying import untouched

    if not lock:
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(file.path, "apply", timeout=timeout))
        except StateUnwritable as failure:
            raise untouched(failure) from None
        yield


@contextlib.contextmanager
def _stoppable() -> Iterator[list[int]]:
    """Ctrl-C or SIGTERM once: the change in hand is finished, saved, and the run stops. Twice: at once."""
    stopped: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)
        os.write(2, b"\nStopping when what is in hand is done and recorded. Once more stops at once.\n")

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
