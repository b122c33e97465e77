"""Where the parts of a real Kubernetes control plane are."""

from __future__ import annotations


def missing_parts() -> str:
    """What is absent, or "" when a control plane can be started."""
    return "no control plane has been built"
