"""Writes what was measured into docs/performance.md, with the machine it was measured on."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

from esnode.storage.profiles.grammar_docs import table
from tests.places import PROJECT

PAGE = PROJECT / "docs" / "performance.md"


def write_table(name: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, remark: str = "") -> None:
    """Between `<!-- table: NAME -->` and the next `<!-- end -->`. AssertionError where there is none."""
    text = f"{table(header, rows)}\n\n{remark}{remark and ' '}Measured on {this_machine()}."
    page, count = re.subn(
        rf"(<!-- table: {name} -->\n).*?(<!-- end -->)",
        lambda found: f"{found.group(1)}{text}\n{found.group(2)}",
        PAGE.read_text(),
        flags=re.DOTALL,
    )
    assert count == 1, f"{PAGE.name} has no place for the table {name}"
    PAGE.write_text(page)
    print(f"\n{text}\n")


def this_machine() -> str:
    """Processor, cores and Python."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = model.group(1) if model else platform.machine()
    cores = len(os.sched_getaffinity(0))
    return f"{processor}, {cores} cores, Python {platform.python_version()}"
