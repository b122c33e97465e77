"""The console script, from its first instruction to its last.

Everybody who runs esnode from a hook or a prolog pays for what is here, so it is kept short: what needs no command line
parser is answered before one is loaded, and a process that is done does not take itself apart.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

_YOUNG: Final = 100_000
"""Objects that a command may make before cycles are looked for. A plan of eight GPUs makes fewer, and hardly a cycle;
looking for them while everything is being loaded takes a tenth of the time."""


def run() -> NoReturn:
    """The console script's entry point."""
    gc.set_threshold(_YOUNG)
    _open_standard_files()
    end(answer(sys.argv[1:]))


def _open_standard_files() -> None:
    """Where a caller closed one, a file of ours would be opened in its place and written into by whoever prints."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 - for good


def answer(words: Sequence[str]) -> int:
    """Run one command. Returns its exit code."""
    if list(words) in (["version"], ["-version"], ["--version"]):
        from esnode import __version__

        with contextlib.suppress(OSError):  # the way of every other command has the words for it
            sys.stdout.write(f"esnode v{__version__}\n")
            sys.stdout.flush()
            return 0
    from esnode.cli.main import main

    return main(words)


def end(code: int) -> NoReturn:
    """End the process with everything said and every exit handler run, but without freeing each of its objects first.

    What could not be said in the end, because the disk is full, is an error, unless one was told before.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            code = code or 1
        except OSError as failure:
            if not code and stream is sys.stdout:
                sys.stderr.write(f"esnode: standard output cannot be written: {failure.strerror}\n")
            code = code or 1
    os._exit(code)
