"""The bytes of a YAML file, before anything is made of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

from esnode.errors import FileUnreadable

# Measured: ruamel.yaml reads about 200 kB and 20,000 values in a second; a profile has some 2 kB and 50 values.
MAX_BYTES: Final = 128 * 1024


class Source(NamedTuple):
    """What stands in a file; without `data` when its `size` is more than MAX_BYTES."""

    path: str
    data: bytes
    size: int

    @property
    def is_too_large(self) -> bool:
        return self.size > MAX_BYTES


def read_source(path: str) -> Source:
    """The file at `path`. Raises FileUnreadable when there is none or it may not be read, and nothing else."""
    try:
        with Path(path).open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            data = b"" if size > MAX_BYTES else stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as wrong:
        reason = getattr(wrong, "strerror", None) or str(wrong)
        raise FileUnreadable(f"cannot read {path}: {reason}", next_step="Check the name and its permissions.") from None
    return Source(path, data, max(size, len(data)))
