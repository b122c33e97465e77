"""The world file that `esnode sim init` writes: short, with everything else one comment away."""

from __future__ import annotations

import uuid
from pathlib import Path

from esnode.errors import BadValue, FileUnwritable
from esnode.model.boards import BOARDS
from esnode.simulator.nodes import did_you_mean
from esnode.simulator.world import open_world, registers_path

_TEXT = """\
# A simulated machine for esnode. Its state is kept beside this file, in {registers}:
# delete that one to begin anew. `esnode sim set` and `esnode sim show` work on it.
apiVersion: v1
kind: SimulatedMachine
name: {name}
machine_id: {machine_id}
{driver}ambient_celsius: {ambient}         # of the room
speed: {speed}                    # world seconds per second; 0: the clock stands until it is told to move
persistence: {persistence}             # persistence mode at first
root: any                   # who may write settings: any user, or `required` as on real machines
{body}"""

_BOARDS = """\
# Boards: {boards}
gpus:
  - board: {board}
    count: {count}
    workload: {{utilization: 99, memory: 80}}
    # workload:                               # or over time
    #   repeat: 20m
    #   steps:
    #     - {{at: 0s, utilization: 99, memory: 80}}
    #     - {{at: 10m, utilization: 2, memory: 80}}
    # processes: [{{name: train.py, memory_mib: 60000, sm_utilization: 90, type: compute}}]  # or graphics, or mps
    #                                         # with a pid it is a real process: when that one ends, so does its work
    # out_of_band_limit_watts: 500            # a BMC's cap
    # ambient_celsius: 38                     # a warm corner of the rack
"""

_CAPTURE = """\
from: {capture}
# gpus:                                      # what differs from the capture, by index
#   - {{index: 0, workload: {{utilization: 99, memory: 80}}}}
"""


def create_world(
    path: Path | str,
    *,
    board: str = "H100-SXM",
    count: int = 8,
    from_capture: Path | None = None,
    speed: float = 1.0,
    ambient_celsius: float = 25.0,
    driver: str | None = None,
    persistence: bool = True,
    name: str | None = None,
    machine_id: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a world file and make its registers. Raises BadValue, FileUnwritable and WorldInvalid.

    An existing file is refused unless `overwrite`, which forgets its registers, too.
    """
    path = Path(path)
    if from_capture is None and board not in BOARDS:
        raise BadValue(f'There is no board "{board}"', next_step=did_you_mean(board, BOARDS))
    if from_capture is None:
        body = _BOARDS.format(boards=", ".join(BOARDS), board=board, count=count)
    else:
        body = _CAPTURE.format(capture=_quoted(str(from_capture.absolute())))
    text = _TEXT.format(
        registers=registers_path(path).name,
        name=_quoted(name or path.stem),
        machine_id=_quoted(machine_id or uuid.uuid4().hex),
        driver=f"driver: {_quoted(driver)}\n" if driver else "",
        ambient=f"{ambient_celsius:g}",
        speed=f"{speed:g}",
        persistence=str(persistence).lower(),
        body=body,
    )
    _write(path, text, overwrite=overwrite)
    open_world(path)


def _quoted(text: str) -> str:
    """As a YAML scalar that is a text whatever it looks like (JSON's strings are YAML's)."""
    import json

    return json.dumps(text)


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(text)
        if overwrite:
            registers_path(path).unlink(missing_ok=True)
    except FileExistsError:
        raise FileUnwritable(
            f"{path} is there already", next_step="Name another file, or say that it may be overwritten."
        ) from None
    except OSError as failure:
        raise FileUnwritable(f"{path} cannot be written: {failure.strerror}") from None
