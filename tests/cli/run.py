"""The installed command, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.starting import run_forked


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def esnode(
    *args: object, cwd: Path, env: dict[str, str] | None = None, timeout: float = 60, fresh: bool = False
) -> Result:
    """Run `esnode ARGS` in `cwd`. Fails the test when a traceback reaches the user.

    The command is a process of its own, forked from one that has esnode loaded; where `fresh`, or where `env` says
    something to Python itself, it is an interpreter that was started for it.
    """
    words, whole = [str(arg) for arg in args], {**os.environ, **(env or {})}
    done = None if fresh else run_forked(words, cwd=cwd, env=whole, timeout=timeout)
    if done is None:
        done = subprocess.run(
            [sys.executable, "-m", "esnode", *words],
            cwd=cwd,
            env=whole,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Result(done.returncode, done.stdout, done.stderr)
