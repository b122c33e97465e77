"""A control loop beside a test: started as a user starts it, waited for by what it says, never by the clock alone."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.e2e.lab import Lab

PATIENCE = 120.0
"""Real seconds after which a loop that does not do what it should never will."""


class Loop:
    """`with Loop(lab, "-interval", "1s") as loop:`. Killed at the end if it has not ended by then."""

    def __init__(
        self, lab: Lab, *words: object, profile: str = "profile.es", env: dict[str, str] | None = None
    ) -> None:
        self.lab = lab
        self.process = subprocess.Popen(
            [sys.executable, "-m", "esnode", "enforce", "-f", "profile.es", *map(str, words)],
            cwd=lab.folder,
            env={**os.environ, "ESNODE_SIMULATE": "world.yaml", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.news: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self._arriving: queue.Queue[dict[str, Any]] = queue.Queue()
        self._readers = [threading.Thread(target=self._read_news, daemon=True)]
        self._readers.append(threading.Thread(target=self._read_lines, daemon=True))
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()

    def wait_for(self, kind: str, text: str = "") -> dict[str, Any]:
        """The next piece of news of a kind whose message holds a text."""
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            try:
                item = self._arriving.get(timeout=min(left, 1.0))
            except queue.Empty:
                assert self.process.poll() is None, f"the loop ended with {self.process.returncode}: {self.news}"
                continue
            if item["type"] == kind and text in item["@message"]:
                return item
        raise AssertionError(f"no {kind} with {text!r} among {self.messages()}")

    def wait_until(self, is_so: Any, what: str = "") -> None:
        """Until a condition of the world holds, looked at again and again."""
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert self.process.poll() is None, f"the loop ended with {self.process.returncode}: {self.news}"
            assert time.monotonic() < deadline, f"never: {what}; {self.messages()}"
            time.sleep(0.05)

    def begun(self) -> Self:
        self.wait_until(lambda: "Active Control Loop started." in self.lines, "the loop begins")
        return self

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """The exit code after a signal."""
        self.send(number)
        return self.process.wait(PATIENCE)

    def messages(self, kind: str = "") -> list[str]:
        return [item["@message"] for item in self.news if kind in ("", item["type"])]

    def family(self) -> list[int]:
        """Process numbers of the loop's children."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def _read_news(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            item = json.loads(line) if line.startswith("{") else {"type": "text", "@message": line}
            self.news.append(item)
            self._arriving.put(item)

    def _read_lines(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
