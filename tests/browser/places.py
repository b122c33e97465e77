"""Where the browser and the accessibility checker are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

# Read once, at import: tests run without the ESNODE_ variables of whoever started them.
_USUAL: Final = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "esnode-tests"
_CACHE: Final = Path(os.environ.get("ESNODE_TEST_CACHE") or _USUAL)


def browser() -> str | None:
    return shutil.which("chromium")


def axe() -> Path | None:
    """The newest axe-core that `.ci/browser` has fetched; None when there is none."""
    return max(_CACHE.glob("axe-core-*/axe.min.js"), key=lambda path: path.stat().st_mtime, default=None)


def missing_parts() -> str:
    """What is absent, or "" when pages can be looked at."""
    if browser() is None:
        return "not installed: chromium (`.ci/browser` installs it)"
    return "" if axe() else f"no axe-core in {_CACHE} (`.ci/browser` fetches it, once)"
