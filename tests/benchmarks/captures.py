"""Captures of many nodes, made of the example's first GPU: as `nvidia-smi -q -x` writes them, each of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.places import EXAMPLES

_EXAMPLE: Final = EXAMPLES / "captures" / "node7.xml"


def write_capture(path: Path, count: int, *, node: int = 0) -> Path:
    """A node with so many GPUs. No two GPUs have one UUID, and no two of a node one place on its bus."""
    head, first, _ = re.split(r"(?=\t<gpu id=)", _EXAMPLE.read_text(), maxsplit=2)
    head = re.sub(r"(<attached_gpus>)\d+", rf"\g<1>{count}", head)
    gpus = "".join(_numbered(first, node, number) for number in range(count))
    path.write_text(f"{head}{gpus}</nvidia_smi_log>\n")
    return path


def _numbered(gpu: str, node: int, number: int) -> str:
    gpu = re.sub(r"GPU-[0-9a-f]{8}-[0-9a-f]{4}", f"GPU-{node:08x}-{number:04x}", gpu)
    return re.sub(r"00000000:[0-9A-F]{2}:00\.0", f"00000000:{number + 16:02X}:00.0", gpu)
