"""Captures of nodes with more GPUs than the example has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.places import EXAMPLES

_EXAMPLE: Final = EXAMPLES / "captures" / "node7.xml"


def capture_of(count: int, place: Path) -> Path:
    """The example's first GPU so many times, as `nvidia-smi -q -x` writes them."""
    text = _EXAMPLE.read_text()
    first, *_ = re.findall(r"\t<gpu id=.*?</gpu>\n", text, re.DOTALL)
    head, _, _ = text.partition("\t<gpu id=")
    head = re.sub(r"(<attached_gpus>)\d+", rf"\g<1>{count}", head)
    path = place / f"node-with-{count}.xml"
    path.write_text(head + "".join(_numbered(first, number) for number in range(count)) + "</nvidia_smi_log>\n")
    return path


def _numbered(gpu: str, number: int) -> str:
    gpu = re.sub(r"GPU-[0-9a-f]{8}", f"GPU-{number:08x}", gpu)
    return re.sub(r"00000000:[0-9A-F]{2}:00\.0", f"00000000:{number + 16:02X}:00.0", gpu)
