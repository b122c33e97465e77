"""esnode state rm."""

from __future__ import annotations

from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.state.changing import find_gpu, known_gpus, opened, save_change
from esnode.cli.syntax import Command, switch


@click.command("rm", cls=Command)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDR...")
@switch("dry-run", help="Only say what would be forgotten.")
@options.simulate_option
@options.state_option
@options.lock_options
@options.view_options
def command(
    addresses: tuple[str, ...],
    dry_run: bool,
    simulate: Path | None,
    state_path: Path,
    lock: bool,
    lock_timeout: float,
    json: bool,
    no_color: bool,
) -> int:
    """Forget what esnode manages on a GPU. The hardware is not touched: what is set there stays set.

    \b
    Examples:
      esnode state rm gpu[3]
      esnode state rm -dry-run 'gpu["GPU-5d1f..."]'
    """
    from esnode.engine.state_edits import forget_gpu
    from esnode.storage.claims import ClaimFolder
    from esnode.views.jsonlines import begin
    from esnode.views.state_edits import show_forgotten
    from esnode.wiring.claiming import release_unmanaged
    from esnode.wiring.machine import runtime_dir

    begin(as_json=json)
    with opened(state_path, "state rm", lock=lock, timeout=lock_timeout) as (file, state):
        known = known_gpus(state)
        gpus = list(dict.fromkeys(find_gpu(address, known) for address in addresses))
        records = {gpu: state.managed.gpus.get(gpu.uuid) for gpu in gpus}
        unreleased: tuple[str, ...] = ()
        if not dry_run:
            for gpu in gpus:
                state = forget_gpu(state, gpu.uuid)
            state = save_change(file, state)
            unreleased = release_unmanaged(file, state.lineage, ClaimFolder(runtime_dir(simulate)))
    show_forgotten(records, serial=state.serial, unreleased=unreleased, is_dry_run=dry_run, as_json=json)
    return 0
