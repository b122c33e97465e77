"""The console script, from its first instruction to its last.

Everybody who runs esnode from a hook or a prolog pays for what is here, so it is kept short: what needs no command line
parser is answered before one is loaded, and a process that is done does not take itself apart.
"""

from __future__ import annotations

import atexit
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
    end(answer(sys.argv[1:]))


def answer(words: Sequence[str]) -> int:
    """Run one command. Returns its exit code."""
    if list(words) in (["version"], ["-version"], ["--version"]):
        from esnode import __version__

        sys.stdout.write(f"esnode v{__version__}\n")
        return 0
    from esnode.cli.main import main

    return main(words)


def end(code: int) -> NoReturn:
    """End the process with everything said and every exit handler run, but without freeing each of its objects first.

    What could not be said in the end, because the disk is full, is an error.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            code = code or 1
        except OSError as failure:
            os.write(2, f"esnode: what it had to say could not be written: {failure.strerror}\n".encode())
            code = 1
    os._exit(code)
