"""The loop of a soak: the installed command, started again whenever it was killed, as a service manager does it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from esnode.storage.loops import living_loop
from tests.soak.stage import Stage
from tests.soak.vitals import Vitals, children, is_alive, vitals

PATIENCE = 60.0
"""Real seconds."""


class Failed(Exception):
    """The soak found something that must not be."""


class Looping:
    """`options` are words of `esnode enforce`."""

    def __init__(self, stage: Stage, *options: str) -> None:
        self.stage = stage
        self.options = options
        self.lives = 0
        self.began = 0.0
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.lives += 1
        self.began = self.stage.now
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "esnode", "enforce", "-f", str(self.stage.profiles), *self.options],
                cwd=self.stage.folder,
                env={**os.environ, **self.stage.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> Path:
        return self.stage.folder / f"loop-{self.lives}.log"

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    @property
    def has_begun(self) -> bool:
        return "Active Control Loop started." in self.log.read_text()

    def family(self) -> list[int]:
        """The loop, the driver's process and the one that answers."""
        return [self.process.pid, *children(self.process.pid)]

    def kill(self) -> None:
        """SIGKILL. Raises Failed where a child outlives it."""
        family = self.family() if self.is_running else []
        self.process.kill()
        self.process.wait()
        until(lambda: not any(map(is_alive, family)), f"children of a loop that was killed are left: {family}")

    def start_again(self) -> None:
        self.process = self._start()

    def end(self) -> None:
        """SIGTERM. Raises Failed for another exit code than 0, and where a child is left."""
        family = self.family()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        if code:
            raise Failed(f"the loop ended with exit code {code} after SIGTERM: {self.last_words()}")
        until(lambda: not any(map(is_alive, family)), f"children of a loop that ended are left: {family}")

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def kill_child(self, *, answers: bool) -> bool:
        """SIGKILL for the child that answers requests, or for the driver's. False when there is none for a while."""
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            for pid in self.family()[1:] if self.is_running else []:
                if _listens(pid) == answers:
                    os.kill(pid, signal.SIGKILL)
                    return True
            time.sleep(0.02)
        return False

    def get(self, page: str) -> tuple[int, str]:
        """Status and text of a page; 0 when nobody answers."""
        loop = living_loop(self.stage.state_path)
        if loop is None or not loop.listen:
            return 0, "no loop"
        try:
            with urllib.request.urlopen(f"http://{loop.listen}{page}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except OSError as failure:
            return 0, str(failure)

    def vitals(self) -> Vitals:
        return vitals(self.family())

    def last_words(self) -> str:
        return self.log.read_text()[-2000:]

    def news(self, kind: str) -> int:
        """How often this life has told of something."""
        return sum(f'"type":"{kind}"' in line for line in self.log.read_text().splitlines())

    def complaints(self) -> list[str]:
        """Lines of all lives that no log of a loop may have."""
        wrong = []
        for number in range(1, self.lives + 1):
            for line in (self.stage.folder / f"loop-{number}.log").read_text().splitlines():
                if "Traceback" in line or "esnode itself failed" in line:
                    wrong.append(f"life {number}: {_message(line)}")
        return wrong


def until(is_so: object, complaint: str, seconds: float = PATIENCE) -> None:
    """Raises Failed when something is not so in time."""
    deadline = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise Failed(complaint)
        time.sleep(0.02)


def _listens(pid: int) -> bool:
    """Whether a process has a listening socket of IPv4 open."""
    listening = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            listening.add(f"socket:[{fields[9]}]")
    try:
        return any(str(handle.readlink()) in listening for handle in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _message(line: str) -> str:
    return str(json.loads(line)["@message"]) if line.startswith("{") else line
