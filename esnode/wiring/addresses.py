"""Addresses as people type them: `gpu[0]` is the GPU with that index now, everything else is stored by UUID."""

from __future__ import annotations

import re
from collections.abc import Iterable

from esnode.errors import BadInvocation
from esnode.model.hardware import GpuIdentity
from esnode.model.plan import gpu_address

_BY_INDEX = re.compile(r"gpu\[(\d+)\]")
_BY_NAME = re.compile(r'gpu\["?([^"\]]+)"?\]')


def resolve_address(text: str, gpus: Iterable[GpuIdentity]) -> str:
    """The address that is stored. Raises BadInvocation for a GPU that is not there or another form."""
    by_index = {gpu.index: gpu.uuid for gpu in gpus}
    indexed = _BY_INDEX.fullmatch(text)
    if indexed:
        uuid = by_index.get(int(indexed[1]))
        if uuid is None:
            there = ", ".join(f"gpu[{index}]" for index in sorted(by_index)) or "no GPU at all"
            raise BadInvocation(f"There is no {text}", next_step=f"There is {there}.")
        return gpu_address(uuid)
    named = _BY_NAME.fullmatch(text)
    if named and named[1] in by_index.values():
        return gpu_address(named[1])
    if text.partition("[")[0] in ("alert", "node", "process") and text.endswith("]"):
        return text
    raise BadInvocation(f"{text} is no address of this machine", next_step='Write gpu[0] or gpu["GPU-5d1f..."].')
