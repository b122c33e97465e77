"""`python -m tests.soak -hours 24 -speed 60`: the seed is printed first; another run with it tells the same story."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.looping import Failed
from tests.soak.run import Soak, table
from tests.soak.stage import Stage


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("-hours", type=int, default=24, help="simulated hours (24)")
    parser.add_argument("-speed", type=float, default=60, help="the machine's seconds in one real second (60)")
    parser.add_argument("-seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("-rate", type=float, default=1, help="so many times as much befalls the machine (1)")
    parser.add_argument(
        "-folder", type=Path, help="where to leave everything; else a temporary folder, kept on failure"
    )
    asked = parser.parse_args()
    print(f"soak: seed {asked.seed}, {asked.hours} h at {asked.speed:g}x", flush=True)
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="esnode-soak-"))
    folder.mkdir(exist_ok=True)
    stage = Stage(folder, asked.speed)
    began = time.monotonic()
    soak = Soak(stage, seed=asked.seed, rate=asked.rate, tell=lambda line: print(line, flush=True))
    try:
        soak.run(asked.hours)
    except Failed as failure:
        print(table(soak.counts))
        _keep(stage)
        print(
            f"\nsoak failed with seed {asked.seed} after {soak.counts.hours:g} h: {failure}\nEverything is in {folder}"
        )
        return 1
    finally:
        stage.close()
    print(table(soak.counts))
    print(f"took {time.monotonic() - began:.0f} s")
    return 0


def _keep(stage: Stage) -> None:
    """What is on the disk that goes away with the soak."""
    kept = stage.folder / "kept"
    kept.mkdir(exist_ok=True)
    for path in stage.disk.folder.glob("*"):
        (kept / path.name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
