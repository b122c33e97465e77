"""An apply that is under way, held in the middle of a write by a setter that hangs until it is let go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.lab import Lab

POWER_HANGS = "fault=hang:nvmlDeviceSetPowerManagementLimit"
PATIENCE = 120.0
"""Seconds after which a test gives up on a machine that is merely slow."""


class UnderWay:
    """`lines` are what apply said on standard output until its write began."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    def until(self, kind: str) -> None:
        assert self.process.stdout
        for text in self.process.stdout:
            self.lines.append(json.loads(text))
            if self.lines[-1]["type"] == kind:
                return
        raise AssertionError(f"apply ended before {kind}: {self.lines}")

    def interrupt(self, number: int) -> None:
        """As a terminal does it: the whole group of processes gets the signal. Returns when it has arrived."""
        os.killpg(self.process.pid, number)
        assert self.process.stderr
        while "Stopping when" not in self.process.stderr.readline():
            assert self.process.poll() is None

    def end(self) -> tuple[int, list[dict[str, Any]], str]:
        """Exit code, every line, standard error."""
        out, err = self.process.communicate(timeout=PATIENCE)
        assert "Traceback" not in err, err
        return self.process.returncode, self.lines + [json.loads(text) for text in out.splitlines()], err

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def apply_held(lab: Lab, *args: object, cwd: Path | None = None) -> Iterator[UnderWay]:
    """`esnode apply -json` of lab's plan.json, whose first write has begun and hangs."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "esnode",
            "apply",
            "-json",
            "-timeout=1h",
            *map(str, args),
            str(lab.folder / "plan.json"),
        ],
        cwd=cwd or lab.folder,
        env={**os.environ, "ESNODE_SIMULATE": str(lab.folder / "world.yaml")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    under_way = UnderWay(process)
    try:
        under_way.until("apply_start")
        yield under_way
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
