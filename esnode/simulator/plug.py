"""Puts a simulated library beneath pynvml, and takes it away again. The simulator's only contact with pynvml."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from esnode.simulator.library import Library


@contextlib.contextmanager
def plugged(library: Library, module: ModuleType | None = None) -> Iterator[Library]:
    """pynvml runs on `library` inside of the block; afterwards on what it ran on before."""
    pynvml: Any = module or _pynvml()
    with pynvml.libLoadLock:
        before = (pynvml.nvmlLib, pynvml._nvmlLib_refcount, dict(pynvml._nvmlGetFunctionPointer_cache))
        _set(pynvml, library, 0, {})
    try:
        yield library
    finally:
        library.close()
        with pynvml.libLoadLock:
            _set(pynvml, *before)


def plug(library: Library, module: ModuleType | None = None) -> None:
    """The same for the rest of the process's life."""
    import atexit

    pynvml: Any = module or _pynvml()
    _set(pynvml, library, 0, {})
    atexit.register(library.close)


def _pynvml() -> Any:
    import pynvml

    return pynvml


def _set(pynvml: Any, library: object, refcount: int, functions: dict[str, Any]) -> None:
    """pynvml keeps functions by name and never forgets one: a library alone would not take effect."""
    pynvml._nvmlGetFunctionPointer_cache.clear()
    pynvml._nvmlGetFunctionPointer_cache.update(functions)
    pynvml._nvmlLib_refcount = refcount
    pynvml.nvmlLib = library
