"""Values between processes of ours, which run one and the same program."""

from __future__ import annotations

import pickle
from typing import Any


def pack(value: object) -> bytes:
    """The value as bytes for `unpack`. Raises what pickle raises for one that cannot be sent."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def unpack(data: bytes) -> Any:
    """What another process of this very program has packed; never what came from elsewhere."""
    return pickle.loads(data)  # noqa: S301 - our own process's
