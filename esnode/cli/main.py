"""The console script."""

from __future__ import annotations

import sys


def main() -> int:
    """Run one command; its exit code."""
    return 0


def run() -> None:
    sys.exit(main())
