"""What a loop and its children use of the machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

LOOKS = 12
_PAUSE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """Of a loop's processes together. `pss` is in MiB: shared memory counts in parts."""

    pss: float
    files: int
    threads: int
    processes: int


def vitals(pids: list[int]) -> Vitals:
    """The least of several looks: threads come and go within a cycle. Of the memory the median."""
    looks = []
    for _ in range(LOOKS):
        looks.append([_look(pid) for pid in pids])
        time.sleep(_PAUSE)
    return Vitals(
        pss=median(sum(pss for pss, _, _ in look) for look in looks) / 1024,
        files=min(sum(files for _, files, _ in look) for look in looks),
        threads=min(sum(threads for _, _, threads in look) for look in looks),
        processes=len(pids),
    )


def _look(pid: int) -> tuple[int, int, int]:
    process = Path(f"/proc/{pid}")
    pss = _field(process / "smaps_rollup", "Pss:")
    return pss, len(list((process / "fd").iterdir())), _field(process / "status", "Threads:")


def _field(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name))


def children(pid: int) -> list[int]:
    """Process numbers of all descendants that live."""
    words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = [int(word) for word in words if is_alive(int(word))]
    return [*found, *(deeper for child in found for deeper in children(child))]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def processes_of(environment: str) -> list[int]:
    """Every living process that was started with a variable of this `NAME=VALUE`."""
    wanted, found = environment.encode(), []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:
            continue
    return [pid for pid in found if is_alive(pid)]
