"""Where the parts of a real Kubernetes control plane are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from tests.places import TEST_CACHE

PROGRAMS: Final = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def built() -> Path | None:
    """The newest control plane that `.ci/kubernetes` has built; None when there is none."""
    complete = [
        folder
        for folder in TEST_CACHE.glob("kubernetes-*")
        if folder.is_dir() and all(os.access(folder / name, os.X_OK) for name in PROGRAMS)
    ]
    return max(complete, key=lambda folder: folder.stat().st_mtime, default=None)


def missing_parts() -> str:
    """What is absent, or "" when a control plane can be started."""
    absent = [name for name in ("etcd", "openssl") if shutil.which(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (`.ci/kubernetes` installs and builds all it takes)"
    return "" if built() else f"no control plane has been built in {TEST_CACHE} (`.ci/kubernetes` does, once)"
