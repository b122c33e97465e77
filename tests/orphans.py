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
silent = subprocess.DEVNULL
child = subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], stdin=silent, stderr=silent, start_new_session=True)
os.write(2, b"%d\\n" % child.pid)
os._exit(0)
"""


@contextlib.contextmanager
def orphan(code: str = OBEYS, *arguments: str) -> Iterator[tuple[int, str]]:
    """A Python process whose parent has gone, and the first line that it printed. It is killed at the end."""
    mother = subprocess.Popen(
        [sys.executable, "-c", _MOTHER, code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert mother.stdout and mother.stderr
    # Each has a pipe of its own: in one, their lines could be torn.
    pid = int(mother.stderr.readline())
    said = mother.stdout.readline().strip()
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
        mother.stderr.close()


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
