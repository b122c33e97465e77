"""Which captures were named: files, and folders of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from esnode.errors import CaptureInvalid, FileUnreadable

ENDING = ".xml"


def find_captures(paths: Sequence[Path]) -> list[Path]:
    """The files of files and folders, in the order given, a folder's sorted; a file named twice is there once.

    Whether a file can be read shows when it is read. Raises FileUnreadable for a folder that cannot be looked into,
    CaptureInvalid for one without captures.
    """
    named: dict[str, Path] = {}
    for path in paths:
        for file in _in_folder(path) if path.is_dir() else [path]:
            named.setdefault(os.path.realpath(file), file)
    return list(named.values())


def _in_folder(folder: Path) -> list[Path]:
    try:
        names = sorted(file.name for file in folder.iterdir())
    except OSError as wrong:
        raise FileUnreadable(f"The folder {folder} cannot be looked into: {wrong.strerror}") from None
    files = [folder / name for name in names if name.endswith(ENDING) and not name.startswith(".")]
    if not files:
        raise CaptureInvalid(
            f"No capture in {folder} (*{ENDING})",
            next_step="Write one on each machine with `nvidia-smi -q -x > NODE.xml`.",
        )
    return files
