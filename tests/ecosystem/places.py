"""Where the programs are that other people wrote to read Terraform's plans, and how they are run."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Final

from tests.places import TEST_CACHE

_WANTED: Final = Path(__file__).parent / "tools"
_VERSIONS: Final = b"".join((_WANTED / name).read_bytes() for name in ("requirements.txt", "package-lock.json"))

HOME: Final = TEST_CACHE / f"ecosystem-{hashlib.sha256(_VERSIONS).hexdigest()[:12]}"
"""What `.ci/ecosystem` installs: one folder for each set of versions."""

PYTHON: Final = HOME / "python" / "bin"
NODE: Final = HOME / "node" / "node_modules"


def missing_parts() -> str:
    """What is absent, or "" when every program is there."""
    return "" if (HOME / "complete").exists() else f"nothing is installed in {HOME} (`.ci/ecosystem` does, once)"


def run(*command: object, cwd: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program as its user would, in a folder, without colour and without a network."""
    nowhere = "http://127.0.0.1:9"
    env = {
        "PATH": os.pathsep.join([str(PYTHON), str(NODE / ".bin"), os.environ["PATH"]]),
        "HOME": str(cwd),
        "LANG": "C.UTF-8",
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
    }
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
