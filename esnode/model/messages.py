"""Templates of alerts."""

from __future__ import annotations


def check_template(text: str) -> None:
    """Raises BadValue."""
