"""A GPU's family token and memory size, from its product name.

NVIDIA has no machine-readable family: the name is all there is, and a program must not need a new
release for every new board. So the rules below drop what is not the family and keep the rest.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from esnode.model.boards import board_named
from esnode.model.readings import Missing, Reading

_VENDOR: Final = frozenset({"NVIDIA", "TESLA", "QUADRO", "GEFORCE", "GRID"})
# Words behind these belong to the family: "RTX 4070 Ti SUPER". Elsewhere the first word is the family.
_SERIES: Final = frozenset({"RTX", "GTX", "GT", "TITAN", "CMP", "JETSON"})
_NOT_FAMILY: Final = re.compile(
    r"\d+G[BI]?B?|HBM\d\w*|PCIE|SXM\d?|NVL|GENERATION|EDITION|SERVER|WORKSTATION|BLACKWELL|WITH|DESIGN|GPU|MIG"
)
_GIGABYTES: Final = re.compile(r"(?<![\w.])(\d{1,4}) ?GB(?!\w)", re.IGNORECASE)
# "GH200 480GB" is the memory of the Grace side; the GPU has 96 or 144 GB.
_SHARED_BOARDS: Final = re.compile(r"G[HB]\d")
_CLOSE_ENOUGH: Final = 0.2


@lru_cache(maxsize=64)
def model_of(name: str) -> str:
    """`NVIDIA H100 80GB HBM3` -> `H100`, `NVIDIA GeForce RTX 4070 Ti SUPER` -> `RTX4070TISUPER`, `Tesla T4` -> `T4`.

    Upper case, letters and digits only. A name of nothing but vendor words gives those.
    """
    words = [word for word in re.split(r"[^A-Z0-9-]+", name.upper()) if word]
    telling = [word for word in words if word not in _VENDOR and not _NOT_FAMILY.fullmatch(word)]
    if not telling:
        return "".join(words)
    family = "".join(telling) if telling[0] in _SERIES else telling[0].partition("-")[0]
    return family.replace("-", "")


@lru_cache(maxsize=64)
def vram_size(name: str, memory_mib: Reading[float]) -> Reading[str]:
    """The size on the box, such as `80GB`: from the name, else the catalogue of boards, else rounded GiB.

    A size in the name that is far from what the driver counts is not the GPU's and is passed over.
    """
    for gigabytes in (_named_size(name), _catalogue_size(name)):
        if gigabytes and _agrees(gigabytes, memory_mib):
            return f"{gigabytes}GB"
    return memory_mib if isinstance(memory_mib, Missing) else f"{round(memory_mib / 1024)}GB"


def _named_size(name: str) -> int | None:
    found = None if _SHARED_BOARDS.match(model_of(name)) else _GIGABYTES.search(name)
    return int(found[1]) if found else None


def _catalogue_size(name: str) -> int | None:
    board = board_named(name)
    return board.vram_gb if board else None


def _agrees(gigabytes: int, memory_mib: Reading[float]) -> bool:
    if isinstance(memory_mib, Missing):
        return True
    return abs(memory_mib / 1024 - gigabytes) <= _CLOSE_ENOUGH * gigabytes
