"""esnode import."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command, switch
from esnode.diagnostics import Diagnostic, warning
from esnode.engine.describe import Description, describe
from esnode.errors import FileUnwritable
from esnode.model.hardware import Observation, Origin
from esnode.model.needs import NOTHING_MORE
from esnode.model.plan import gpu_ranges
from esnode.model.state import State
from esnode.wiring.machine import Facts, facts, open_machine, read_capture


@click.command("import", cls=Command)
@click.option(
    "--out", "out", type=click.Path(path_type=Path), metavar="FILE", help="Write the profile to a new file (*.es)."
)
@switch("all", help="Name settings that are at their default, too.")
@options.machine_options
@options.node_option
@options.state_option
@options.view_options
def command(
    out: Path | None,
    all: bool,
    capture: Path | None,
    simulate: Path | None,
    node_path: Path | None,
    state_path: Path,
    json: bool,
    no_color: bool,
) -> int:
    """Write a profile that describes the hardware as it is: what differs from default. Planning it changes nothing.

    \b
    Examples:
      esnode import -out found.es
      esnode import -capture node7.xml -all
    """
    from esnode.storage.files import replace_file
    from esnode.views.imported import show_imported
    from esnode.views.progress import progress

    if out and out.exists():
        raise FileUnwritable(f"{out} is there already", next_step="Name another file, or remove that one first.")
    given = facts(node_path, is_this_machine=not (simulate or capture))
    with progress(f"Reading {capture or 'the hardware'}", as_json=json):
        state, observation = _read(capture, simulate, given, state_path)
    descriptions = describe(observation, state, everything=all)
    text = _text(descriptions, observation)
    if out:
        replace_file(out, text.encode(), mode=0o644)
    show_imported(text, len(descriptions), _warnings(observation, state), saved_to=out, as_json=json, no_color=no_color)
    return 0


def _read(capture: Path | None, simulate: Path | None, given: Facts, state_path: Path) -> tuple[State, Observation]:
    """The hardware, and the state for the locks that only it knows."""
    from esnode.engine.identity import check_state_is_here
    from esnode.engine.sessions import settle
    from esnode.storage.states import StateFile

    if capture:
        return State(lineage=""), read_capture(capture, given)
    state = StateFile(state_path).load()
    with open_machine(simulate, given) as machine:
        seen = machine.observe(NOTHING_MORE)
    check_state_is_here(state, seen)
    return state, settle(seen, state.observed)


def _text(descriptions: Sequence[Description], observation: Observation) -> str:
    from esnode.storage.profiles.write import ProfileDraft, SettingLine, profiles_text

    taken = observation.taken_at.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    host = observation.node.identity.hostname
    heading = [
        f"The settings of {host} as esnode found them, {taken}.",
        "A comment is no wish: it is at its default, or could not be read.",
    ]
    if observation.origin is Origin.SIMULATED:
        heading.insert(0, "SIMULATED")
    drafts = [
        ProfileDraft(
            name=found.name,
            description=f"{found.gpus} of {host} as found",
            selector=found.selector,
            settings=[
                SettingLine(setting=entry.setting, value=entry.value, is_wanted=entry.is_wanted, remark=entry.remark)
                for entry in found.entries
            ],
        )
        for found in descriptions
    ]
    return profiles_text(drafts, heading)


def _warnings(observation: Observation, state: State) -> list[Diagnostic]:
    unread = [gpu.identity.index for gpu in observation.gpus if not gpu.is_readable]
    unread += [gpu.index for gpu in observation.unidentified]
    held = [record.identity.index for record in state.managed.gpus.values() if record.setting_holds]
    warnings = []
    if unread:
        warnings.append(warning(f"{gpu_ranges(unread)} could not be read", "The profile says nothing of it."))
    if held:
        detail = "The profile has the present values as settings; give the policies' own profile beside it."
        warnings.append(warning(f"Policies hold settings of {gpu_ranges(held)}", detail))
    return warnings
