"""Real processes that a simulated GPU's driver lists."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_BODY = """
import ctypes, signal, sys, time
ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)  # PR_SET_NAME
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


@contextmanager
def running(name: str, manner: str = "obedient") -> Iterator[subprocess.Popen[str]]:
    """A process of this name, ready; a "stubborn" one ignores SIGTERM."""
    process = subprocess.Popen([sys.executable, "-c", _BODY, name, manner], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def write_world(folder: Path, *processes: tuple[subprocess.Popen[str] | int, int], speed: int = 0) -> None:
    """A machine with one H100 whose driver lists these processes, each with its MiB."""
    lines = [
        f"      - {{pid: {getattr(process, 'pid', process)}, name: job, memory_mib: {mib}, type: compute}}"
        for process, mib in processes
    ]
    (folder / "world.yaml").write_text(
        "apiVersion: v1\nkind: SimulatedMachine\nname: lab\n"
        f"speed: {speed}\ngpus:\n"
        "  - board: H100-SXM\n    workload: {utilization: 99, memory: 5}\n    processes:\n" + "\n".join(lines) + "\n"
    )
