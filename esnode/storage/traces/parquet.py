"""Parquet files, through arro3: a fifth of pyarrow's size. Needs the extra `trace`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from esnode.errors import ExtraMissing, TraceInvalid

MAGIC = b"PAR1"


def read_columns(path: Path) -> tuple[Sequence[str], Iterator[Sequence[Any]]]:
    """The names of the columns, and the rows. Raises ExtraMissing and TraceInvalid."""
    try:
        import arro3.io
    except ImportError:
        raise ExtraMissing(
            f"{path} is Parquet, and reading that needs arro3, which is not installed",
            next_step="pip install 'esnode[trace]', or save the recording as CSV.",
        ) from None
    _check_ends(path)
    try:
        table = arro3.io.read_parquet(str(path)).read_all()
        columns = [table.column(name).to_pylist() for name in table.column_names]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as wrong:  # a panic of the Rust library is no Exception
        raise TraceInvalid(
            f"{path} is not a Parquet file that can be read: {wrong}", next_step="Save it as CSV."
        ) from None
    return table.column_names, zip(*columns, strict=True)


def _check_ends(path: Path) -> None:
    """A file that was cut off is told apart here: the library gives up on it with a backtrace."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(MAGIC)))
        if size < 12 or file.read() != MAGIC:
            raise TraceInvalid(f"{path} is a Parquet file that was cut off", next_step="Copy it again.")
