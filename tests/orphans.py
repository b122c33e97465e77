"""Real processes for tests that are neither children of the test nor its ancestors: strangers, as on a real machine."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

OBEYS = "import time; print('ready', flush=True); time.sleep(120)"
IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + OBEYS
NEVER_COLLECTS = (
    "import os, time\nchild = os.fork()\nif child == 0: time.sleep(120)\nprint(child, flush=True)\ntime.sleep(120)"
)
"""Prints its child's number, and does not wait for it."""

_MOTHER = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], stdin=subprocess.DEVNULL, start_new_session=True)
print("child", child.pid, flush=True)
os._exit(0)
"""


@contextlib.contextmanager
def orphan(code: str = OBEYS, *arguments: str) -> Iterator[tuple[int, str]]:
    """A Python process whose parent has gone, and the first line that it printed. It is killed at the end."""
    mother = subprocess.Popen(
        [sys.executable, "-c", _MOTHER, code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert mother.stdout is not None
    # Mother and child write into one pipe, whoever comes first.
    lines = [mother.stdout.readline().strip() for _ in range(2)]
    pid = next(int(line.removeprefix("child ")) for line in lines if line.startswith("child "))
    said = next((line for line in lines if not line.startswith("child ")), "")
    handle = os.pidfd_open(pid)
    try:
        mother.wait()
        yield pid, said
    finally:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        assert has_ended(handle, seconds=10)
        os.close(handle)
        mother.stdout.close()


def has_ended(handle: int, *, seconds: float = 0) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def is_running(pid: int) -> bool:
    """Neither gone nor a zombie."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        return not has_ended(handle)
    finally:
        os.close(handle)


def until(is_true: object, *, seconds: float = 10) -> None:
    """Wait for a condition (a function without arguments)."""
    assert callable(is_true)
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
