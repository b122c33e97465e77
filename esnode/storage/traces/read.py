"""A recording from its files, whatever of the known forms each has."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from esnode.errors import TraceInvalid
from esnode.model.traces import Trace
from esnode.storage.files import read_file
from esnode.storage.traces.parquet import MAGIC, read_columns
from esnode.storage.traces.samples import Samples, to_trace
from esnode.storage.traces.tables import read_table

LARGEST = 256 * 2**20


def read_trace(paths: Sequence[Path], *, metric: str = "", where: Mapping[str, str] | None = None) -> Trace:
    """One recording of one or more files, which have a clock in common. What each is, its content says.

    `metric` and `where` are for exports of Prometheus: what nameless series are of, and the labels of those wanted.
    Raises TraceInvalid, FileUnreadable, and ExtraMissing for Parquet without the extra.
    """
    together = Samples()
    for path in paths:
        found = _read(path, metric, where or {})
        together.ignored |= found.ignored
        for gpu, rows in found.rows.items():
            for at, row in rows.items():
                for meaning, value in row.items():
                    together.add(gpu, at, meaning, value)
    return to_trace(together, ", ".join(str(path) for path in paths))


def _read(path: Path, metric: str, where: Mapping[str, str]) -> Samples:
    data = read_file(path, "trace")
    if len(data) > LARGEST:
        raise TraceInvalid(f"{path} has more than {LARGEST // 2**20} MiB", next_step="Record less, or less often.")
    if data.startswith(MAGIC):
        header, rows = read_columns(path)
        return read_table(header, rows, str(path), first_line=1)
    if data.lstrip()[:1] in (b"{", b"["):
        from esnode.storage.traces.prometheus import read_export

        return read_export(data, str(path), metric=metric, where=where)
    return _csv(data, str(path))


def _csv(data: bytes, name: str) -> Samples:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TraceInvalid(
            f"{name} is neither text nor Parquet",
            next_step="Give CSV, Parquet, or what Prometheus' query_range answers.",
        ) from None
    try:
        lines = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
        header = next(lines, [])
        return read_table(header, lines, name, first_line=2)
    except csv.Error as wrong:
        raise TraceInvalid(f"{name} is not CSV: {wrong}", next_step="Fields have commas between them.") from None
