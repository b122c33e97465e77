"""What was written to a simulated machine: one line for each setter that answered SUCCESS.

Kept where the world file says `record_writes: true`, as LAB.writes.jsonl beside the registers: whoever checks what a
program says of itself reads there what it really did. Only the standard library is used here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from esnode.simulator.registers import MachineState


class WriteRecord(NamedTuple):
    """`registers` are the values that were asked for, by register; `lied` says that none of them was taken over.

    `number` counts the machine's writes from 1, `at` is in world seconds.
    """

    number: int
    at: float
    pid: int
    program: str
    symbol: str
    gpu: str
    registers: Mapping[str, Any]
    lied: bool = False


def writes_path(registers: Path) -> Path:
    """`lab.registers.json` -> `lab.writes.jsonl`."""
    return registers.with_name(registers.name.removesuffix(".registers.json") + ".writes.jsonl")


def put_down(
    registers: Path, state: MachineState, symbol: str, gpu: str, values: Mapping[str, Any], lied: bool
) -> None:
    """Called while the registers are being changed, before they are saved: of a program that dies in between, the
    line has a number that the registers do not know, and is none."""
    state.writes += 1
    record = WriteRecord(
        number=state.writes,
        at=state.now(),
        pid=os.getpid(),
        program=Path(sys.argv[0]).name if sys.argv else "",
        symbol=symbol,
        gpu=gpu,
        registers=values,
        lied=lied,
    )
    line = json.dumps(record._asdict(), separators=(",", ":")).encode() + b"\n"
    handle = os.open(writes_path(registers), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)


def read_writes(registers: Path, state: MachineState) -> list[WriteRecord]:
    """Every write that took place, in order; none where the machine keeps no record."""
    path = writes_path(registers)
    lines = path.read_bytes().splitlines() if path.exists() else []
    # A number that is there twice: the first of them died before its change was made.
    records = {record.number: record for record in (WriteRecord(**json.loads(line)) for line in lines)}
    return [records[number] for number in sorted(records) if number <= state.writes]
